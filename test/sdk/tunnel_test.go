package sdk

import (
	"errors"
	"io"
	"net"
	"net/http"
)

// tunnel is a proxy for HTTPS. Through it, the names of KMS instances, which DNS does not know here, lead to the
// services of the tests: an SDK gets the real name of a dedicated gateway as its endpoint, and expects it in the
// certificate.
type tunnel struct {
	net.Listener
	// listeners are where names lead, both as host:port.
	listeners map[string]string
}

func newTunnel(listeners map[string]string) (*tunnel, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	t := &tunnel{Listener: l, listeners: listeners}
	go func() { _ = http.Serve(l, t) }() //nolint:gosec // It ends with the listener.
	return t, nil
}

func (t *tunnel) url() string { return "http://" + t.Addr().String() }

func (t *tunnel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := t.connect(w, r); err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
	}
}

// connect fails if there is no tunnel. Errors of an open tunnel are for its ends to notice.
func (t *tunnel) connect(w http.ResponseWriter, r *http.Request) error {
	to, known := t.listeners[r.Host]
	if r.Method != http.MethodConnect || !known {
		return errors.New("there is no way to " + r.Method + " " + r.Host)
	}
	service, err := net.Dial("tcp", to)
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	client, sent, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return errors.Join(err, service.Close())
	}
	go copyAndClose(service, sent)
	go copyAndClose(client, service)
	return nil
}

func copyAndClose(to net.Conn, from io.Reader) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
}
