package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
)

// sumsFile has the checksums of all other files of the release, as `sha256sum -c` reads them.
const sumsFile = "SHA256SUMS"

func sums(_ context.Context, r *Release, _ []Built) error {
	files, err := os.ReadDir(r.Out) // It is sorted.
	if err != nil {
		return err
	}
	var out bytes.Buffer
	for _, file := range files {
		sum, err := fileSum(filepath.Join(r.Out, file.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&out, "%s  %s\n", sum, file.Name())
	}
	return r.write(sumsFile, out.Bytes())
}

func fileSum(path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:]), nil
}
