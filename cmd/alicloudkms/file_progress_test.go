package main

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v3"
)

func TestAFileProgressIsDrawnOnATerminalOnly(t *testing.T) {
	var file bytes.Buffer
	p := newFileProgress(&cli.Command{Name: "encrypt", ErrWriter: &bytes.Buffer{}}, 100)
	require.Equal(t, &file, p.over(&file))
	p.remove()
}

func TestAFileProgressShowsHowMuchWasWritten(t *testing.T) {
	for name, tc := range map[string]struct {
		total int64
		want  string
	}{
		"a file": {200_000_000, "encrypting  50% |"}, "a pipe": {-1, "encrypting"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var terminal, file bytes.Buffer
				bar := progressbar.NewOptions64(tc.total, fileBarOptions(&terminal, "encrypt")...)
				p := &fileProgress{total: tc.total, bar: bar}
				time.Sleep(redrawEvery)
				n, err := p.over(&file).Write(make([]byte, 100_000_000))
				require.NoError(t, err)
				require.Equal(t, 100_000_000, n)
				p.add(200_000_000) // What encryption adds.
				p.remove()
				require.Len(t, file.Bytes(), 100_000_000)
				require.Contains(t, drawn(&terminal)[1], tc.want)
				require.NotContains(t, terminal.String(), "\n")
			})
		})
	}
}
