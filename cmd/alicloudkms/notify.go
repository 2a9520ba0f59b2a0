package main

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"time"
)

// notifySystemd tells systemd the state of the service, in one of the forms of sd_notify(3), if systemd has started
// this process with Type=notify.
func notifySystemd(state string) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return err
	}
	_, err = conn.Write([]byte(state))
	return errors.Join(err, conn.Close())
}

// showReload shows in `systemctl status` how a reload has ended. The error itself is in the log: it can have several
// lines, which systemd would take for other messages.
func showReload(logger *slog.Logger) func(error) {
	return func(failure error) {
		state := "STATUS=reloaded at "
		if failure != nil {
			state = "STATUS=The configuration is stale; the log says why it was not reloaded at "
		}
		if err := notifySystemd(state + time.Now().Format(time.DateTime)); err != nil {
			logger.Warn("could not tell systemd about the reload", "error", err)
		}
	}
}
