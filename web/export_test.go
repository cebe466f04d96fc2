package web

import "time"

// SetPatience says how long a stranger may take to send a body; four times as
// long to have read the answer.
func (s *Server) SetPatience(d time.Duration) { s.patience = d }

// SetDoubt says how often it is looked at whether who listens to events is
// still let in.
func (s *Server) SetDoubt(d time.Duration) { s.doubt = d }
