package edge

import (
	"context"
	"net/http"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/gate"
)

// Standby is the gateway of a node that is not the active one: it receives requests, and has the active node answer
// them. It refuses requests that can't be received or that the active node does not answer.
type Standby struct {
	edge    *Edge
	forward Forward
}

// Forward has the active node answer r, whose body has already been read into body. Its error is the refusal for the
// client.
type Forward func(ctx context.Context, r *http.Request, body []byte) (Answer, error)

// Answer is an answer of the active node.
type Answer struct {
	Status int
	// Header has no fields that concern only a connection.
	Header http.Header
	Body   []byte
	// Authenticated reports whether the request was authenticated.
	Authenticated bool
}

// NewStandby returns a Standby. It needs neither Gate nor Serving in the options.
func NewStandby(o Options, forward Forward) *Standby { return &Standby{New(o), forward} }

// ServeHTTP has the active node answer a request. The active node also writes its audit line.
func (s *Standby) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	line := s.edge.begin(r)
	in, f, err := receive(w, r, s.edge.o.MaxBytes)
	if err == nil {
		var answer Answer
		if answer, err = s.forward(r.Context(), r, in.Body); err == nil {
			relay(w, answer, in.Connection)
			return
		}
		line.Operation, line.AccessKeyID = in.Claimed()
	}
	s.edge.refuse(w, r, f, line.RequestID, s.edge.conclude(w, &line, err))
}

// relay writes an answer of the active node. As on the active node, the connection of a request that was not
// authenticated is closed.
func relay(w http.ResponseWriter, a Answer, conn gate.Connection) {
	h := w.Header()
	for name, values := range a.Header {
		h[name] = values
	}
	if a.Authenticated {
		conn.Authenticated()
	} else {
		h.Set("Connection", "close")
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body) // The caller has gone if this fails.
}
