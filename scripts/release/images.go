package main

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// imaged are the programs that get images.
var imaged = []Program{server, engine, sealer}

// images writes an image for each of imaged, with all architectures, as a tar file of an OCI layout.
func images(_ context.Context, r *Release, all []Built) error {
	for _, program := range imaged {
		index, err := r.index(program, all)
		if err != nil {
			return err
		}
		content, err := layoutTar(index, r)
		if err != nil {
			return err
		}
		if err := r.write(program.Name+"_"+r.Version+"_oci.tar", content); err != nil {
			return err
		}
	}
	return nil
}

// index returns the images of a program for each architecture of Linux.
func (r *Release) index(program Program, all []Built) (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, b := range all {
		if b.Name != program.Name || b.OS != "linux" {
			continue
		}
		image, err := r.image(b)
		if err != nil {
			return nil, err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        image,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: b.OS, Architecture: b.Arch}},
		})
	}
	return index, nil
}

// image has one layer.
func (r *Release) image(b Built) (v1.Image, error) {
	program, err := os.ReadFile(b.File)
	if err != nil {
		return nil, err
	}
	packed, err := tarGz(imageFiles(b.Name, program), r.Time)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(packed)), nil
	}, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.Append(image, mutate.Addendum{
		Layer:   layer,
		History: v1.History{Created: v1.Time{Time: r.Time}, CreatedBy: "make release"},
	})
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = b.OS, b.Arch, v1.Time{Time: r.Time}
	config.Config = v1.Config{
		Entrypoint: []string{"/" + b.Name}, User: imageUser,
		Labels: map[string]string{
			"org.opencontainers.image.source":   "https://" + module,
			"org.opencontainers.image.version":  r.Version,
			"org.opencontainers.image.licenses": "MPL-2.0",
		},
	}
	return mutate.ConfigFile(image, config)
}

// layoutTar returns the files of an OCI layout with the index.
func layoutTar(index v1.ImageIndex, r *Release) ([]byte, error) {
	folder, err := os.MkdirTemp("", "release-oci-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }() // It is in the folder for temporary files.
	path, err := layout.Write(folder, empty.Index)
	if err != nil {
		return nil, err
	}
	// Programs that load layouts take the name of an image from this annotation.
	name := layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": r.Version})
	if err := path.AppendIndex(index, name); err != nil {
		return nil, err
	}
	var entries []entry
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, path)
		entries = append(entries, entry{filepath.ToSlash(name), 0o644, content})
		return err
	})
	if err != nil {
		return nil, err
	}
	return tarred(entries, r.Time)
}
