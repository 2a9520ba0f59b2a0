package once

import "sync"

// maxSeen bounds how many messages are remembered.
const maxSeen = 1000

// Seen remembers messages, so that what recurs every minute is logged once. Its memory is bounded: it starts over when
// it is full.
type Seen struct {
	mu       sync.Mutex // guards messages
	messages map[string]struct{}
}

// NewSeen returns a Seen without any message.
func NewSeen() *Seen { return &Seen{messages: map[string]struct{}{}} }

// First reports whether message is new, and remembers it.
func (s *Seen) First(message string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.messages[message]; known {
		return false
	}
	if len(s.messages) >= maxSeen {
		clear(s.messages)
	}
	s.messages[message] = struct{}{}
	return true
}
