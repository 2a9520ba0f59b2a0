package main

import (
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/stretchr/testify/require"
)

func TestTheLogHasDebugLinesOnlyIfTheEnvironmentAsksForThem(t *testing.T) {
	for name, tc := range map[string]struct {
		vault, bao string
		want       hclog.Level
	}{
		"nothing":                   {want: hclog.Info},
		"Vault's level":             {vault: "debug", want: hclog.Debug},
		"OpenBao's level":           {bao: "trace", want: hclog.Trace},
		"both":                      {vault: "debug", bao: "trace", want: hclog.Debug},
		"capital letters":           {vault: "DEBUG", want: hclog.Debug},
		"a level above info":        {vault: "error", want: hclog.Info},
		"what is no level":          {vault: "chatty", want: hclog.Info},
		"off, which is Vault's own": {vault: "off", want: hclog.Info},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("VAULT_LOG_LEVEL", tc.vault)
			t.Setenv("BAO_LOG_LEVEL", tc.bao)
			require.Equal(t, tc.want, newLogger().GetLevel())
		})
	}
}
