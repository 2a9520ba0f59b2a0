package input

import (
	"fmt"
	"io"
	"os"
)

// maxFile bounds a file that is read at once, in bytes. The largest holds the certificates of all authorities, and
// fits.
const maxFile = 4 << 20

// ReadFile is [os.ReadFile] for a file that a user names, which may be one that never ends. A file above 4 MiB is an
// error.
func ReadFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = fmt.Errorf("%s has more than %d bytes", path, maxFile)
	}
	if err != nil {
		return nil, err
	}
	return content, nil
}
