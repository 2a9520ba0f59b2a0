package server

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/ops"
)

// The reasons why [RequestReload] could not reach a service that has the configuration file, or was left without an
// answer.
var (
	// ErrNoService says that no service listens on the socket.
	ErrNoService = ops.ErrNoService
	// ErrNotAllowed says that the socket is another user's.
	ErrNotAllowed = ops.ErrNotAllowed
	// ErrNoAnswer says that a service was asked, and may have reloaded or not.
	ErrNoAnswer = ops.ErrNoAnswer
	// ErrOtherConfig says that the service was started with another file.
	ErrOtherConfig = ops.ErrOtherConfig
	// ErrNoSocket says that the configuration has no socket.
	ErrNoSocket = errors.New("it has no operations block, so the service has no socket to be asked through")
)

// RequestReload asks the service that was started with the configuration file at path to reload it, through its
// operations socket, and waits for the end. An error says why nothing has changed, or, if
// it wraps [ErrNoAnswer], that this is not known. A file with faults is no reason not
// to ask: the service finds them too, and so learns that its configuration is stale. Only if the file can't be read far
// enough to find the socket, the service is not asked.
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

// socketOf is the absolute path of the socket, also if c has faults.
func socketOf(c Config) (string, error) {
	if c.Ops == nil || c.Ops.Socket == "" && c.Storage.Path == "" {
		return "", fmt.Errorf("%s: %w", c.File(), ErrNoSocket)
	}
	return filepath.Abs(c.SocketPath())
}
