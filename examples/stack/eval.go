package stack

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrDivision is returned by Eval for a division by zero.
var ErrDivision = errors.New("division by zero")

// precedence says which operators bind tighter; a parenthesis binds least.
var precedence = map[string]int{"(": 0, "+": 1, "-": 1, "*": 2, "/": 2}

// Eval computes an expression of numbers, + - * / and parentheses, such as
// "2 * (3 + 4)". Multiplication and division bind tighter than addition and
// subtraction; operators of the same rank are taken from left to right.
//
// It uses Dijkstra's shunting-yard method: one stack holds values and another
// the operators that wait for their right-hand side.
func Eval(expr string) (float64, error) {
	var values Stack[float64]
	var waiting Stack[string]
	for _, tok := range tokens(expr) {
		switch tok {
		case "(":
			waiting.Push(tok)
		case ")":
			for {
				op, ok := waiting.Pop()
				if !ok {
					return 0, fmt.Errorf("unmatched %q", ")")
				}
				if op == "(" {
					break
				}
				if err := apply(&values, op); err != nil {
					return 0, err
				}
			}
		case "+", "-", "*", "/":
			for {
				op, ok := waiting.Peek()
				if !ok || precedence[op] < precedence[tok] {
					break
				}
				waiting.Pop()
				if err := apply(&values, op); err != nil {
					return 0, err
				}
			}
			waiting.Push(tok)
		default:
			v, err := strconv.ParseFloat(tok, 64)
			if err != nil {
				return 0, fmt.Errorf("%q is neither a number nor an operator", tok)
			}
			values.Push(v)
		}
	}
	for op := range waiting.Drain() {
		if op == "(" {
			return 0, fmt.Errorf("unmatched %q", op)
		}
		if err := apply(&values, op); err != nil {
			return 0, err
		}
	}
	if values.Len() != 1 {
		return 0, fmt.Errorf("%q is not one expression", expr)
	}
	v, _ := values.Pop()
	return v, nil
}

// apply takes two values off the stack and puts back what op makes of them.
func apply(values *Stack[float64], op string) error {
	right, _ := values.Pop()
	left, ok := values.Pop()
	if !ok {
		return fmt.Errorf("%q lacks a value", op)
	}
	switch op {
	case "+":
		values.Push(left + right)
	case "-":
		values.Push(left - right)
	case "*":
		values.Push(left * right)
	case "/":
		if right == 0 {
			return ErrDivision
		}
		values.Push(left / right)
	}
	return nil
}

// tokens splits an expression at white space and around operators.
func tokens(expr string) []string {
	for op := range precedence {
		expr = strings.ReplaceAll(expr, op, " "+op+" ")
	}
	return strings.Fields(strings.ReplaceAll(expr, ")", " ) "))
}
