package stack_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"example.org/stack"
)

func ExampleStack() {
	var s stack.Stack[string]
	s.Push("plate")
	s.Push("cup")
	top, _ := s.Pop()
	fmt.Println(top, s.Len())
	// Output: cup 1
}

func ExampleStack_Drain() {
	for v := range stack.Of(1, 2, 3).Drain() {
		fmt.Print(v, " ")
	}
	// Output: 3 2 1
}

func ExampleEval() {
	v, err := stack.Eval("2 * (3 + 4) - 1")
	fmt.Println(v, err)
	// Output: 13 <nil>
}

func TestPopEmpty(t *testing.T) {
	var s stack.Stack[int]
	if v, ok := s.Pop(); ok || v != 0 {
		t.Errorf("Pop() = %d, %t; want 0, false", v, ok)
	}
	s.Push(7)
	s.Pop()
	if _, ok := s.Peek(); ok {
		t.Error("Peek() of an emptied stack reports a value")
	}
}

func TestDrainBreaksOff(t *testing.T) {
	s := stack.Of(1, 2, 3, 4)
	for v := range s.Drain() {
		if v == 3 {
			break
		}
	}
	if got := slices.Collect(s.Drain()); !slices.Equal(got, []int{2, 1}) {
		t.Errorf("left on the stack: %v, want [2 1]", got)
	}
}

func TestBalanced(t *testing.T) {
	for text, want := range map[string]int{
		"":           -1,
		"a(b[c]{d})": -1,
		"(]":         1,
		"())":        2,
		"([x]":       0,
		"é)":         2,
	} {
		var b *stack.BracketError
		got := -1
		if errors.As(stack.Balanced(text), &b) {
			got = b.Offset
		}
		if got != want {
			t.Errorf("Balanced(%q): first fault at %d, want %d", text, got, want)
		}
	}
}

func TestEval(t *testing.T) {
	for expr, want := range map[string]float64{
		"1":               1,
		"1 + 2 * 3":       7,
		"(1 + 2) * 3":     9,
		"8 - 3 - 2":       3,
		"8 / 4 / 2":       1,
		"2*(3+(4-1))/0.5": 24,
	} {
		if got, err := stack.Eval(expr); err != nil || got != want {
			t.Errorf("Eval(%q) = %v, %v; want %v", expr, got, err, want)
		}
	}
}

func TestEvalErrors(t *testing.T) {
	for _, expr := range []string{"", "1 +", "(1", "1)", "1 2", "x + 1"} {
		if v, err := stack.Eval(expr); err == nil {
			t.Errorf("Eval(%q) = %v, want an error", expr, v)
		}
	}
	if _, err := stack.Eval("1 / 0"); !errors.Is(err, stack.ErrDivision) {
		t.Errorf("Eval(1 / 0): error %v, want ErrDivision", err)
	}
}
