// Package stack has a generic stack, and two classic uses of one: telling
// whether brackets match and evaluating arithmetic.
package stack

import "iter"

// A Stack holds values last in, first out. The zero value is an empty stack
// ready to use. It is not safe for concurrent use.
type Stack[T any] struct {
	items []T // the top is the last one
}

// Of returns a stack with the values pushed in order, so that the last of
// them is on top.
func Of[T any](values ...T) *Stack[T] {
	s := &Stack[T]{}
	for _, v := range values {
		s.Push(v)
	}
	return s
}

// Push puts v on top of the stack. It takes amortised constant time.
func (s *Stack[T]) Push(v T) {
	s.items = append(s.items, v)
}

// Pop takes the top value off the stack and returns it. It reports false, and
// the zero value, if the stack is empty.
func (s *Stack[T]) Pop() (T, bool) {
	v, ok := s.Peek()
	if ok {
		var zero T
		last := len(s.items) - 1
		// Without this, the slice would keep the value from being freed.
		s.items[last] = zero
		s.items = s.items[:last]
	}
	return v, ok
}

// Peek returns the top value and leaves it on the stack. It reports false if
// the stack is empty.
func (s *Stack[T]) Peek() (T, bool) {
	if len(s.items) == 0 {
		var zero T
		return zero, false
	}
	return s.items[len(s.items)-1], true
}

// Len is the number of values on the stack.
func (s *Stack[T]) Len() int {
	return len(s.items)
}

// Drain pops the values one by one, from the top down. A loop that breaks off
// leaves the rest on the stack.
func (s *Stack[T]) Drain() iter.Seq[T] {
	return func(yield func(T) bool) {
		for {
			v, ok := s.Pop()
			if !ok || !yield(v) {
				return
			}
		}
	}
}
