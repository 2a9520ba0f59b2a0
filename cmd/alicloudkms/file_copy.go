package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/cmd/alicloudkms/internal/terminal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/durable"
)

// toFile reports whether the result goes to a file. Otherwise it goes to standard output.
func toFile(c *cli.Command) bool { return c.String("out") != "" && c.String("out") != "-" }

// inputName is what messages call the input.
func inputName(c *cli.Command) string {
	if name := c.String("in"); name != "" && name != "-" {
		return name
	}
	return "standard input"
}

// transform runs change from -in to -out. A file appears at -out only once it is complete.
func transform(c *cli.Command, change func(io.Writer, io.Reader) error) error {
	in, size, err := openSized(c.String("in"))
	if err != nil {
		return fmt.Errorf("-in %s: %w", c.String("in"), err)
	}
	defer in.Close()
	if toFile(c) {
		return toNewFile(c, size, func(w io.Writer) error { return change(w, in) })
	}
	if f, ok := terminalOf(c.Root().Writer); ok {
		text := &terminal.OnlyText{To: f}
		return errors.Join(change(text, in), text.Close())
	}
	return change(c.Root().Writer, in)
}

// toNewFile lets write fill the file of -out. size is about how many bytes that will be.
func toNewFile(c *cli.Command, size int64, write func(io.Writer) error) error {
	path, bar := c.String("out"), newFileProgress(c, size)
	err := durable.WriteNew(path, func(f *os.File) error { return write(bar.over(f)) })
	bar.remove()
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("-out %w", err)
	}
	return err
}

// openSized opens a file for reading, or standard input, and returns its size, or -1 if that is not known.
func openSized(name string) (io.ReadCloser, int64, error) {
	if name == "" {
		name = "-"
	}
	in, err := openInput(name)
	if err != nil {
		return nil, 0, err
	}
	file, ok := in.(*os.File)
	if !ok {
		return in, -1, nil
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = errors.New("it is a folder")
	}
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	if !info.Mode().IsRegular() {
		return file, -1, nil
	}
	return file, info.Size(), nil
}
