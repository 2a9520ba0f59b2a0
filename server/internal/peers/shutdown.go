package peers

import (
	"context"
	"errors"
	"net"
	"time"
)

// Shutdown stops accepting links, and ends each once its request has been answered: a request that arrives later does
// not run, and its sender learns that. When ctx ends, the remaining links are cut, and the error of ctx is returned.
func (p *Peers) Shutdown(ctx context.Context) error {
	errs := []error{p.server.stop()}
	done := make(chan struct{})
	go func() {
		p.server.running.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		errs = append(errs, ctx.Err())
	}
	return errors.Join(append(errs, p.Close())...)
}

// stop closes the listeners, and ends the idle sessions.
func (s *server) stop() error {
	s.mu.Lock()
	s.closing.Store(true)
	listeners := s.listeners
	s.listeners = nil
	idle := s.connections()
	s.mu.Unlock()
	var errs []error
	for _, l := range listeners {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	for _, conn := range idle {
		_ = conn.SetReadDeadline(time.Unix(1, 0)) // It fails only if the connection has already ended.
	}
	return errors.Join(errs...)
}

// connections returns all open connections. The caller holds mu.
func (s *server) connections() []net.Conn {
	all := append([]net.Conn(nil), s.strangers...)
	for _, of := range s.sessions {
		for session := range of {
			all = append(all, session.raw)
		}
	}
	return all
}

// close cuts everything, and waits until nothing runs. Links are closed first: a request that ends because its context
// does must not be answered.
func (s *server) close() error {
	err := s.stop()
	s.mu.Lock()
	open := s.connections()
	s.mu.Unlock()
	for _, conn := range open {
		_ = conn.Close() // It may have been closed already.
	}
	s.cancel()
	s.running.Wait()
	return err
}
