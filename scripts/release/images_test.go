package main

import (
	"archive/tar"
	"bytes"
	"io"
	"log"
	"net/http/httptest"
	"path/filepath"
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

func TestImagesThatWerePushedArePulledWithTheArchivesProgram(t *testing.T) {
	for program, user := range users {
		reference := aRegistry(t, program)
		require.NoError(t, remote.WriteIndex(reference, anIndex(t, program)))
		image, err := remote.Image(reference, remote.WithPlatform(v1.Platform{OS: "linux", Architecture: "amd64"}))
		require.NoError(t, err)
		config, err := image.ConfigFile()
		require.NoError(t, err)
		require.Equal(t, []string{"/" + program}, config.Config.Entrypoint)
		require.Equal(t, user, config.Config.User)
		require.Equal(t, made.Time, config.Created.UTC())
		require.Equal(t, map[string][]byte{program: unpacked(t, program)[program]}, filesOf(t, image))
	}
}

func TestTheServersImageRunsAsNobodySpecial(t *testing.T) {
	require.NotEmpty(t, users[server.Name])
	require.False(t, strings.HasPrefix(users[server.Name], "0"))
}

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
		require.Equal(t, int64(0o755), header.Mode)
		content := new(bytes.Buffer)
		_, err = io.Copy(content, r)
		require.NoError(t, err)
		found[header.Name] = content.Bytes()
	}
}
