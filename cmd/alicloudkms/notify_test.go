package main

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSystemdIsShownHowAReloadEnded(t *testing.T) {
	dir, err := os.MkdirTemp("", "kms-") // Its name is short, since that of a socket in it must be.
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	socket := filepath.Join(dir, "notify")
	systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	require.NoError(t, err)
	defer systemd.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
	received := func() string {
		message := make([]byte, 1000)
		n, err := systemd.Read(message)
		require.NoError(t, err)
		return string(message[:n])
	}
	require.NoError(t, notifySystemd("READY=1"))
	require.Equal(t, "READY=1", received())

	show := showReload(slog.New(slog.DiscardHandler))
	show(nil)
	require.Regexp(t, `^STATUS=reloaded at 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d$`, received())
	show(errors.New("one\nSTOPPING=1"))
	require.Regexp(t, `^STATUS=The configuration is stale; the log says why it was not reloaded at 20.*$`, received())
}
