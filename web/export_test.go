package web

import "time"

// SetPatience says how long a stranger may take to send a body.
func (s *Server) SetPatience(d time.Duration) { s.patience = d }
