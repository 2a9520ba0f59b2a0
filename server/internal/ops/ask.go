package ops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"syscall"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/private"
)

// ErrNoService reports that no service listens on a socket.
var ErrNoService = errors.New("no service listens there")

// ErrNotAllowed reports that a socket belongs to another user.
var ErrNotAllowed = errors.New("it is for the service's own user")

// ErrNoAnswer reports that a service was asked, but that the result is not known.
var ErrNoAnswer = errors.New("the service did not report the result")

// ask sends a command to the service that listens on socket. The caller closes the body of the response.
func ask(ctx context.Context, socket, path string, body io.Reader) (*http.Response, error) {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
		DisableKeepAlives: true,
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://kms"+path, body)
	if err != nil {
		return nil, err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, fmt.Errorf("socket %s: %w", socket, ErrNoService)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("socket %s: %w%s", socket, ErrNotAllowed, ownerOf(socket))
	case err != nil:
		return nil, fmt.Errorf("socket %s: %w: %w", socket, ErrNoAnswer, withoutURL(err))
	}
	return response, nil
}

// withoutURL returns the cause of an error of package http. The URL would only confuse: it exists only because the
// socket speaks HTTP.
func withoutURL(err error) error {
	if onURL, ok := errors.AsType[*url.Error](err); ok {
		return onURL.Err
	}
	return err
}

// ownerOf returns words for the end of a sentence that name the owner of a file, or "" if it is not known.
func ownerOf(path string) string {
	if _, name, err := private.Owner(path); err == nil {
		return ", " + name
	}
	return ""
}
