package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// connections is how many a client keeps: the largest number of goroutines in any contest.
const connections = 64

// newHTTP returns the client for both the KMS service and Vault: HTTP/1.1 that keeps its connections.
func newHTTP(ca string) (*http.Client, error) {
	transport, err := newTransport(ca)
	return &http.Client{Transport: transport}, err
}

func newTransport(ca string) (*http.Transport, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(ca)) {
		return nil, errors.New("the CA is not a PEM certificate")
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, Protocols: protocols, DisableCompression: true,
		MaxIdleConns: connections, MaxIdleConnsPerHost: connections,
	}, nil
}

// exchange sends r, reads the whole answer, keeps none of it, and fails unless it is a success.
func exchange(c *http.Client, r *http.Request) error {
	resp, err := c.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusNoContent {
		_, err := io.Copy(io.Discard, resp.Body)
		return err
	}
	body, err := io.ReadAll(resp.Body)
	return errors.Join(fmt.Errorf("HTTP status %d: %s", resp.StatusCode, body), err)
}

// send sends one signed form to the service.
func (k *kmsService) send(ctx context.Context, c *http.Client, form string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+k.Address+"/", strings.NewReader(form))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return exchange(c, r)
}
