package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// hostile commands a terminal in several ways: it sets its title, goes back in the line, and turns the text around.
const hostile = "\x1b]0;owned\a\r\u009b31m\u202e"

const escaped = `\u001b]0;owned\u0007\u000d\u009b31m\u202e`

// A service may be another user's, and its answer is printed on the terminal of root.
func TestTheAnswerOfAServiceDoesNotCommandATerminal(t *testing.T) {
	answer := server.ReloadReport{Config: hostile, Warnings: []string{hostile}}
	for format, want := range map[string]string{
		formatText: "reloaded " + escaped + "\n  nothing changed\n  warning: " + escaped + "\n",
		formatJSON: `"config": "` + strings.Replace(escaped, `\u000d`, `\r`, 1) + `"`,
	} {
		var out bytes.Buffer
		c := &cli.Command{
			Writer: &out, Flags: []cli.Flag{outputFlag()},
			Action: func(_ context.Context, c *cli.Command) error { return printResult(c, answer, reloadText(answer)) },
		}
		require.NoError(t, c.Run(t.Context(), []string{"reload", "-o", format}))
		require.Contains(t, out.String(), want)
		if format == formatJSON {
			var got server.ReloadReport
			require.NoError(t, json.Unmarshal(out.Bytes(), &got))
			require.Equal(t, answer.Warnings, got.Warnings, "escapes change nothing for programs")
		}
	}
	var out bytes.Buffer
	require.Equal(t, statusFailed, report(&out, whyNotReloaded(errors.New(hostile+"\nserver.hcl:2"))))
	require.Equal(t, "alicloudkms: not reloaded; the service keeps the configuration that it had:\n"+escaped+
		"\nserver.hcl:2\n", out.String())
}
