package main

import (
	"archive/zip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// pretended returns a release in a folder of its own, and files that stand for a program on its platforms.
func pretended(t *testing.T, program Program) (*Release, []Built) {
	t.Helper()
	r := &Release{Root: made.Root, Out: t.TempDir(), Version: version, Time: made.Time}
	var all []Built
	for _, platform := range program.Platforms {
		file := filepath.Join(t.TempDir(), program.Name+suffix(platform))
		require.NoError(t, os.WriteFile(file, []byte(platform.String()), 0o755))
		all = append(all, Built{program, platform, file})
	}
	return r, all
}

func TestAnImageHasBothArchitectures(t *testing.T) {
	r, all := pretended(t, server)
	index, err := r.index(server, all)
	require.NoError(t, err)
	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	var found []string
	for _, m := range manifest.Manifests {
		image, err := index.Image(m.Digest)
		require.NoError(t, err)
		require.Equal(t, "linux_"+m.Platform.Architecture, string(filesOf(t, image)[server.Name]))
		config, err := image.ConfigFile()
		require.NoError(t, err)
		require.Equal(t, m.Platform.Architecture, config.Architecture)
		found = append(found, m.Platform.String())
	}
	require.Equal(t, []string{"linux/amd64", "linux/arm64"}, found)
}

func TestTheEngineForWindowsIsInAZipFile(t *testing.T) {
	r, all := pretended(t, engine)
	require.NoError(t, archives(t.Context(), r, all))
	require.NoError(t, stanzas(t.Context(), r, all))
	archive, err := zip.OpenReader(filepath.Join(r.Out, engine.Name+"_"+version+"_windows_amd64.zip"))
	require.NoError(t, err)
	defer func() { require.NoError(t, archive.Close()) }()
	require.Len(t, archive.File, 2)
	require.Equal(t, engine.Name+".exe", archive.File[1].Name)
	require.Equal(t, made.Time, archive.File[1].Modified.UTC())
	stanza, err := os.ReadFile(filepath.Join(r.Out, engine.Name+"_"+version+"_windows_amd64.register.txt"))
	require.NoError(t, err)
	require.Contains(t, string(stanza), "-command="+engine.Name+".exe ")
	require.Contains(t, string(stanza), "secret "+engine.Name+"\n", "the plugin's name has no .exe")
}
