package server

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/ops"
)

// The reasons why [RequestReload] could not reach a service with that configuration file, or got no answer.
var (
	// ErrNoService says that no service listens on the socket.
	ErrNoService = ops.ErrNoService
	// ErrNotAllowed says that the socket belongs to another user.
	ErrNotAllowed = ops.ErrNotAllowed
	// ErrNoAnswer says that a service was asked but did not answer: it may have reloaded or not.
	ErrNoAnswer = ops.ErrNoAnswer
	// ErrOtherConfig says that the service was started with another file.
	ErrOtherConfig = ops.ErrOtherConfig
	// ErrNoSocket says that the configuration has no socket.
	ErrNoSocket = errors.New("it has no operations block, so the service has no socket to be asked through")
)

// RequestReload asks the service that was started with the configuration file at path to reload it, through its
// operations socket, and waits for the result. An error says why nothing has changed, or, if it wraps [ErrNoAnswer],
// that the result is unknown. The service is asked even if the file has faults: it finds them too, and so knows that
// its configuration is stale. It is not asked only if the file can't be read far enough to find the socket.
func RequestReload(ctx context.Context, path string) (ReloadReport, error) {
	c, faults := LoadConfig(path)
	socket, err := socketOf(c)
	if err != nil && faults != nil {
		err = fmt.Errorf("%w\n%s can't be read far enough to find the service's socket, so it was not asked", faults, path)
	}
	if err != nil {
		return ReloadReport{}, err
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return ReloadReport{}, err
	}
	report, err := ops.RequestReload(ctx, socket, absolute)
	if errors.Is(err, ErrNoService) || errors.Is(err, ErrNotAllowed) {
		return report, errors.Join(faults, err)
	}
	return report, err
}

// socketOf returns the absolute path of the socket, even if c has faults.
func socketOf(c Config) (string, error) {
	if c.Ops == nil || c.Ops.Socket == "" && c.Storage.Path == "" {
		return "", fmt.Errorf("%s: %w", c.File(), ErrNoSocket)
	}
	return filepath.Abs(c.SocketPath())
}
