package setup

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// ownNames are the files that differ between nodes.
var ownNames = []string{certName, keyName, nodeCertName, nodeKeyName}

// readCopies reads the files that are the same on all nodes: those in the folder that the configuration names, and the
// CA for clients.
func (a *addition) readCopies() error {
	for _, path := range append(a.config.Inputs(), a.from.name(caName)) {
		name, err := filepath.Rel(a.from.path, path)
		if err != nil || !filepath.IsLocal(name) {
			a.made.Elsewhere = append(a.made.Elsewhere, path)
			continue
		}
		if slices.Contains(ownNames, name) || slices.ContainsFunc(a.copies, func(f newFile) bool { return f.name == name }) {
			continue
		}
		file, err := a.from.readCopy(name)
		if errors.Is(err, fs.ErrNotExist) && slices.Contains(a.etcdFiles(), path) {
			continue // A folder that init has just made has none.
		}
		if err != nil {
			return err
		}
		a.copies = append(a.copies, file)
	}
	return nil
}

// forget clears the content of the files to copy, which include keys.
func (a *addition) forget() {
	for _, file := range a.copies {
		clear(file.content)
	}
}

// readCopy reads a file to copy. The copy is public if everyone may read the original.
func (f *folder) readCopy(name string) (newFile, error) {
	info, err := f.root.Stat(name)
	if err != nil {
		return newFile{}, fmt.Errorf("%s: %w", f.path, err)
	}
	if !info.Mode().IsRegular() {
		return newFile{}, fmt.Errorf("%s is not a file", f.name(name))
	}
	content, err := f.root.ReadFile(name)
	if err != nil {
		return newFile{}, fmt.Errorf("%s: %w", f.path, err)
	}
	mode := ownersFile
	if info.Mode().Perm()&0o004 != 0 {
		mode = publicFile
	}
	return newFile{name, mode, content}, nil
}

// etcdFiles returns the paths of the files for etcd, which InitCluster does not make.
func (a *addition) etcdFiles() []string {
	e := a.config.Etcd
	return []string{e.CAFile, e.CertFile, e.KeyFile}
}

// needsEtcdFiles reports whether the configuration names files for etcd that the existing folder does not have.
func (a *addition) needsEtcdFiles() bool {
	return slices.ContainsFunc(a.etcdFiles(), func(path string) bool {
		name, err := filepath.Rel(a.from.path, path)
		return path != "" && err == nil && filepath.IsLocal(name) &&
			!slices.ContainsFunc(a.copies, func(f newFile) bool { return f.name == name })
	})
}

// withAddress returns a configuration with another address in its cluster block. Everything else stays, including
// comments.
func withAddress(written []byte, address string) ([]byte, error) {
	file, problems := hclwrite.ParseConfig(written, configName, hcl.InitialPos)
	if problems.HasErrors() {
		return nil, problems
	}
	block := file.Body().FirstMatchingBlock("cluster", nil)
	if block == nil {
		return nil, errors.New("there is no cluster block")
	}
	block.Body().SetAttributeValue("address", cty.StringVal(address))
	return file.Bytes(), nil
}
