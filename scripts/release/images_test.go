package main

import (
	"archive/tar"
	"io"
	"log"
	"maps"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"
)

// anIndex returns the index in the release's file for a program.
func anIndex(t *testing.T, program string) v1.ImageIndex {
	t.Helper()
	file := filepath.Join(made.Out, program+"_"+version+"_oci.tar")
	folder := t.TempDir()
	output(t, "tar", "-xf", file, "-C", folder)
	require.Contains(t, output(t, "tar", "-tf", file), "oci-layout\n")
	all, err := layout.ImageIndexFromPath(folder)
	require.NoError(t, err)
	manifest, err := all.IndexManifest()
	require.NoError(t, err)
	require.Len(t, manifest.Manifests, 1)
	index, err := all.ImageIndex(manifest.Manifests[0].Digest)
	require.NoError(t, err)
	return index
}

// aRegistry returns the name of a repository in a registry in memory.
func aRegistry(t *testing.T, program string) name.Reference {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	reference, err := name.ParseReference(strings.TrimPrefix(server.URL, "http://") + "/" + program + ":" + version)
	require.NoError(t, err)
	return reference
}

// pulled returns the image of a program for linux/amd64, which was pushed to a registry.
func pulled(t *testing.T, program string) v1.Image {
	t.Helper()
	reference := aRegistry(t, program)
	require.NoError(t, remote.WriteIndex(reference, anIndex(t, program)))
	image, err := remote.Image(reference, remote.WithPlatform(v1.Platform{OS: "linux", Architecture: "amd64"}))
	require.NoError(t, err)
	return image
}

func TestImagesThatWerePushedArePulledWithTheArchivesProgram(t *testing.T) {
	for _, program := range imaged {
		image := pulled(t, program.Name)
		config, err := image.ConfigFile()
		require.NoError(t, err)
		require.Equal(t, []string{"/" + program.Name}, config.Config.Entrypoint)
		require.Equal(t, "65532:65532", config.Config.User, "not root")
		require.Equal(t, made.Time, config.Created.UTC())
		files := filesOf(t, image)
		require.ElementsMatch(t, []string{
			program.Name, "etc/", "etc/group", "etc/passwd", "etc/ssl/", "etc/ssl/certs/", certificates, "tmp/",
		}, slices.Collect(maps.Keys(files)))
		require.Equal(t, unpacked(t, program.Name)[program.Name], files[program.Name])
		require.Contains(t, string(files["etc/passwd"]), ":x:"+config.Config.User+":")
	}
}

// filesOf returns the files and folders of an image, and checks their modes.
func filesOf(t *testing.T, image v1.Image) map[string][]byte {
	t.Helper()
	flat := mutate.Extract(image)
	defer func() { require.NoError(t, flat.Close()) }()
	found := map[string][]byte{}
	for r := tar.NewReader(flat); ; {
		header, err := r.Next()
		if err == io.EOF {
			return found
		}
		require.NoError(t, err)
		if header.Typeflag == tar.TypeDir {
			header.Name += "/" // Extract drops it.
		}
		require.Equal(t, modeOf(header.Name), header.Mode, header.Name)
		require.Zero(t, header.Uid+header.Gid)
		content, err := io.ReadAll(r)
		require.NoError(t, err)
		found[header.Name] = content
	}
}

// modeOf returns the mode that a file of an image should have.
func modeOf(name string) int64 {
	switch {
	case name == "tmp/":
		return 0o1777
	case strings.HasPrefix(name, "etc/") && !strings.HasSuffix(name, "/"):
		return 0o644
	}
	return 0o755
}
