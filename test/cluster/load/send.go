package load

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// send sends a signed form to a node, once, and returns the id of the CMK in its answer. Its errors are those of
// package client, as far as [outcome] tells them apart.
func (s *Site) send(ctx context.Context, node int, form string) (id string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+s.Addresses[node]+"/", strings.NewReader(form))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := s.http.Do(r)
	if err != nil {
		dial, ok := errors.AsType[*net.OpError](err)
		return "", &client.TransportError{Unsent: ok && dial.Op == "dial", Err: err}
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return "", &client.TransportError{Err: err}
	}
	var got struct {
		kmsapi.CreateKeyResponse
		KeyId   string
		Code    kmsapi.Code
		Message string
	}
	if err := json.Unmarshal(body, &got); err != nil {
		return "", &client.TransportError{Err: err}
	}
	if answer.StatusCode != http.StatusOK {
		return "", &kmsapi.Error{Code: got.Code, HTTPStatus: answer.StatusCode, Message: got.Message}
	}
	if got.KeyId != "" {
		return got.KeyId, nil
	}
	return got.KeyMetadata.KeyId, nil
}
