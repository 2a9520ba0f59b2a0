package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// drawn returns the lines that were drawn, each over the one before.
func drawn(b *bytes.Buffer) (lines []string) {
	for line := range strings.SplitSeq(b.String(), "\r") {
		if line = strings.TrimRight(line, " "); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestProgressShowsStagesWithCountAndPercent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var terminal bytes.Buffer
		p := &progress{w: &terminal}
		p.draw(server.Copying, 0, 200_000_000)
		time.Sleep(redrawEvery) // It is drawn at most so often.
		p.draw(server.Copying, 50_000_000, 200_000_000)
		p.draw(server.Checking, 0, 0)
		p.draw(server.Checking, 0, 4000)
		time.Sleep(redrawEvery)
		p.draw(server.Checking, 3000, 4000)
		p.draw(server.Rekeying, 4100, 4100)
		p.draw(server.Checking, 1000, 4101)
		p.remove()
		p.remove()
		lines := drawn(&terminal)
		for n, want := range []string{
			"copying   0% |", "copying  25% |███████                       | (50/200 MB", "| checking",
			"checking   0% |", "checking  75% |", "rekeying   0% |", "checking   0% |",
		} {
			require.Contains(t, lines[n], want)
		}
		require.Len(t, lines, 7, "what is finished is not drawn")
		require.Contains(t, lines[4], "(3000/4000)")
		require.True(t, strings.HasSuffix(terminal.String(), " \r"), "the line is empty at the end")
		require.NotContains(t, terminal.String(), "\n")
		require.NotContains(t, terminal.String(), "\x1b", "no colors, and nothing that a simple terminal does not know")
	})
}

func TestProgressIsDrawnOnATerminalOnly(t *testing.T) {
	draw, remove := newProgress(&cli.Command{ErrWriter: &bytes.Buffer{}})
	require.Nil(t, draw)
	remove()
}
