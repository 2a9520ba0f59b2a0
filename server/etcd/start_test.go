package etcd_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

func TestAStartThatWaitsForEtcdEndsWithItsContext(t *testing.T) {
	l := newLab(t)
	c := l.config("one")
	c.Etcd = &server.EtcdConfig{
		Endpoints: []string{"http://127.0.0.1:1"}, Username: "kms", PasswordFile: l.put("password", []byte("secret")),
		Lease: "60s",
	}
	stopped := errors.New("stopped by a signal")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(100*time.Millisecond, func() { cancel(stopped) })
	began := time.Now()
	_, err := server.StartContext(ctx, c, server.Options{})
	require.ErrorIs(t, err, stopped)
	require.Less(t, time.Since(began), 45*time.Second, "it does not wait for the answer under way")
}

func TestANodeIsReadyOnceItAnswers(t *testing.T) {
	l := newLab(t)
	one := l.start("one")
	require.NoError(t, one.AwaitReady(t.Context()))
	status, active, _ := one.health()
	require.Equal(t, 200, status)
	require.Equal(t, "one", active)
	two := l.start("two")
	require.NoError(t, two.AwaitReady(t.Context()))
	status, _, _ = two.health()
	require.Equal(t, 429, status, "it forwards")

	c := l.config("three")
	c.Etcd.Endpoints, c.Etcd.Lease = []string{"http://127.0.0.1:1"}, "2s" // The start waits for an answer that long.
	three, err := server.Start(c, server.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, three.Close()) }()
	limited, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err = three.AwaitReady(limited)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "the cluster's store has not answered within a lease")
}
