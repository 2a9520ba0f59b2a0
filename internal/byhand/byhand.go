// Package byhand answers people who start a plugin's executable themselves instead of leaving that to Vault: with its
// version, or with the commands that register it.
package byhand

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Plugin is what an executable knows about itself.
type Plugin struct {
	Name, Version string
	// Served reports whether a server has started this process as its plugin.
	Served bool
	// Help returns the help. command is the name of the executable's file, and sum its SHA-256 checksum, in
	// hexadecimal.
	Help func(command, sum string) string
}

// Answer answers a person who runs the executable with args. If a flag asks for the help or the version, it prints that
// to stdout, and the status is 0; without such a flag, it prints the help to stderr, and the status is 1. It reports
// false, and prints nothing, if the process should serve.
func (p Plugin) Answer(args []string, stdout, stderr io.Writer) (status int, answered bool) {
	for _, arg := range args {
		switch arg {
		case "-version", "--version", "-v":
			fmt.Fprintln(stdout, p.Name, p.Version)
			return 0, true
		case "-h", "-help", "--help":
			fmt.Fprint(stdout, p.Help(p.file()))
			return 0, true
		}
	}
	if p.Served {
		return 0, false
	}
	fmt.Fprint(stderr, p.Help(p.file()))
	return 1, true
}

// file returns the name and the checksum of the executable. If it can't be read, they are its usual name and the
// command that prints the sum.
func (p Plugin) file() (command, sum string) {
	unknown := `"$(sha256sum ` + p.Name + ` | cut -d ' ' -f 1)"`
	path, err := os.Executable()
	if err != nil {
		return p.Name, unknown
	}
	file, err := os.Open(path)
	if err != nil {
		return filepath.Base(path), unknown
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return filepath.Base(path), unknown
	}
	return filepath.Base(path), hex.EncodeToString(hash.Sum(nil))
}
