package call

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxValue is more than any parameter of KMS may have, in bytes.
const maxValue = 1 << 20

// values reads values as they are given: as they are, @FILE, @- for standard input, or @@… for one that begins with @.
type values struct {
	stdin io.Reader
	// stdinFor is the parameter that standard input went to.
	stdinFor string
	// warn gets a line about what is probably a mistake.
	warn func(line string)
}

// read returns the value of the parameter called name. Of a file's content one line break at the end is dropped, as the
// shell's $(…) drops it, unless exact is set.
func (v *values) read(name, given string, exact bool) (string, error) {
	source, isFile := strings.CutPrefix(given, "@")
	switch {
	case !isFile:
		v.warnOfFile(name, given)
		return given, nil
	case strings.HasPrefix(source, "@"):
		return source, nil
	case source == "":
		return "", usagef("%s=@ needs the name of a file, or - for standard input", name)
	}
	content, err := v.open(name, source)
	if err != nil {
		return "", err
	}
	if line, ends := strings.CutSuffix(content, "\n"); ends && !exact {
		content = strings.TrimSuffix(line, "\r")
	}
	return content, nil
}

func (v *values) open(name, source string) (string, error) {
	if source == "-" {
		if v.stdinFor != "" {
			return "", usagef("standard input can be the value of one parameter, not of both %s and %s", v.stdinFor, name)
		}
		v.stdinFor = name
		return readValue(name, source, v.stdin)
	}
	file, err := os.Open(source)
	if err != nil {
		return "", fmt.Errorf("%s=@%s: %w", name, source, cause(err))
	}
	defer file.Close()
	return readValue(name, source, file)
}

func readValue(name, source string, from io.Reader) (string, error) {
	content, err := io.ReadAll(io.LimitReader(from, maxValue+1))
	if err == nil && len(content) > maxValue {
		err = errors.New("it has more than 1 MiB, which no parameter may have")
	}
	if err != nil {
		return "", fmt.Errorf("%s=@%s: %w", name, source, cause(err))
	}
	return string(content), nil
}

// cause returns err without the name of the file, which the message has already.
func cause(err error) error {
	if failed, ok := errors.AsType[*os.PathError](err); ok {
		return failed.Err
	}
	return err
}

// warnOfFile warns if value is the name of a file, where "@" was probably forgotten.
func (v *values) warnOfFile(name, value string) {
	if value == "" || len(value) > 255 {
		return
	}
	if info, err := os.Stat(value); err == nil && info.Mode().IsRegular() {
		v.warn(fmt.Sprintf("%s is sent as it is, but is also the name of a file; %[1]s=@FILE sends its content", name))
	}
}
