package main

import (
	"cmp"
	"os"

	"github.com/hashicorp/go-hclog"
)

// newLogger returns the plugin's logger. Vault reads what it writes, line by line, and passes on what is not below its
// own level. The plugin doesn't know that level, and a line that Vault drops costs as much as one that it keeps. So
// lines below info are written only if the environment asks for them: that of Vault, which the plugin inherits, or the
// plugin's own (vault plugin register -env=VAULT_LOG_LEVEL=debug).
func newLogger() hclog.Logger {
	asked := hclog.LevelFromString(cmp.Or(os.Getenv("VAULT_LOG_LEVEL"), os.Getenv("BAO_LOG_LEVEL")))
	level := hclog.Info
	if asked != hclog.NoLevel {
		level = min(level, asked) // Lines above it are few, and Vault may want them later.
	}
	return hclog.New(&hclog.LoggerOptions{Level: level, Output: os.Stderr, JSONFormat: true})
}
