package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// An entry is a file in an archive, or a folder, whose name then ends in a slash.
type entry struct {
	name    string
	mode    int64
	content []byte
}

// archives writes an archive of each program, with its license: a zip file for Windows, and tar.gz for others.
func archives(_ context.Context, r *Release, all []Built) error {
	license, err := os.ReadFile(filepath.Join(r.Root, "LICENSE"))
	if err != nil {
		return err
	}
	for _, b := range all {
		program, err := os.ReadFile(b.File)
		if err != nil {
			return err
		}
		entries := []entry{{"LICENSE", 0o644, license}, {filepath.Base(b.File), 0o755, program}}
		extension, pack := ".tar.gz", tarGz
		if b.OS == "windows" {
			extension, pack = ".zip", zipped
		}
		content, err := pack(entries, r.Time)
		if err != nil {
			return err
		}
		if err := r.write(r.name(b, extension), content); err != nil {
			return err
		}
	}
	return nil
}

// sorted orders entries by name.
func sorted(entries []entry) []entry {
	return slices.SortedFunc(slices.Values(entries), func(a, b entry) int { return strings.Compare(a.name, b.name) })
}

func tarGz(entries []entry, at time.Time) ([]byte, error) {
	plain, err := tarred(entries, at)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	compressed := gzip.NewWriter(&out) // Its header has neither name nor time unless they are set.
	if _, err := compressed.Write(plain); err != nil {
		return nil, err
	}
	err = compressed.Close()
	return out.Bytes(), err
}

func tarred(entries []entry, at time.Time) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range sorted(entries) {
		header := &tar.Header{ // Without a type, it is a file or a folder according to its name.
			Name: e.name, Mode: e.mode, Size: int64(len(e.content)), ModTime: at, Format: tar.FormatUSTAR,
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.content); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

func zipped(entries []entry, at time.Time) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, e := range sorted(entries) {
		header := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: at}
		header.SetMode(os.FileMode(e.mode))
		file, err := w.CreateHeader(header)
		if err != nil {
			return nil, err
		}
		if _, err := file.Write(e.content); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}
