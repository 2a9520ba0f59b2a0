package input

import (
	"fmt"
	"io"
	"os"
)

// maxFile is more than the largest file that is read at once has, in bytes: the certificates of all authorities.
const maxFile = 4 << 20

// ReadFile is [os.ReadFile] for a file that somebody names, which may be one that never ends. A file above 4 MiB is an
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
