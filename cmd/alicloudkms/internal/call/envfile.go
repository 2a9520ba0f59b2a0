package call

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/environment"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/shell"
)

// maxEnvFile bounds a file of exports, in bytes.
const maxEnvFile = 64 << 10

// readEnvFile reads a file of lines such as "export NAME='value'", which `alicloudkms server -dev-env` writes. It
// understands what such files have, and runs nothing: a variable of ours that needs a shell is refused, and any other,
// such as the PATH that `make dev` writes, is left out. Errors name the line and don't show it, since it may hold a
// secret.
func readEnvFile(path string) (environment.Variables, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(file, maxEnvFile+1))
	if err != nil {
		return nil, err
	}
	if len(content) > maxEnvFile {
		return nil, fmt.Errorf("%s is too large for a file of variables", path)
	}
	variables, err := parseExports(string(content))
	if err != nil {
		return nil, fmt.Errorf("%s:%w", path, err)
	}
	if info.Mode().Perm()&0o077 != 0 { // Not before: of the wrong file, this is not worth knowing.
		return nil, fmt.Errorf("%s holds a secret and can be read by others; run: chmod 600 %s", path, shell.Word(path))
	}
	return func(name string) string { return variables[name] }, nil
}

// parseExports returns the variables that text sets. Its errors begin with the number of a line.
func parseExports(text string) (map[string]string, error) {
	variables, number := map[string]string{}, 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		parts := exportLine.FindStringSubmatch(line)
		if parts == nil {
			return nil, fmt.Errorf("%d: the line is not of the form export NAME='value'", number)
		}
		value, err := unquote(parts[2])
		if err != nil && !ours.MatchString(parts[1]) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%d: the value of %s %w", number, parts[1], err)
		}
		variables[parts[1]] = value
	}
	return variables, nil
}

var exportLine = regexp.MustCompile(`^(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$`)

// ours are the names of variables that a call may depend on.
var ours = regexp.MustCompile(`^(ALICLOUD|ALIBABA_CLOUD|SSL_CERT)_`)

// unquote returns the value that a shell makes of a word: of parts in single quotes, in double quotes or in none. What
// a shell would replace, by a variable or the output of a command, is an error.
func unquote(word string) (string, error) {
	var value strings.Builder
	for word != "" {
		parts := wordPart.FindStringSubmatch(word)
		if parts == nil {
			return "", errNeedsShell
		}
		word = word[len(parts[0]):]
		for _, content := range parts[1:] {
			value.WriteString(content)
		}
	}
	return value.String(), nil
}

var errNeedsShell = errors.New("is not in single quotes, and a shell would read it differently")

// wordPart has one group for each kind: in single quotes, in double quotes, a character after a backslash, and no
// quotes at all.
var wordPart = regexp.MustCompile("^(?:'([^']*)'|\"([^\"$`\\\\!]*)\"|\\\\([^\\n])|([A-Za-z0-9_@%+=:,./-]+))")
