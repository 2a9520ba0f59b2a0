package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// unpacked returns the files of a program's archive, and checks their headers.
func unpacked(t *testing.T, program string) map[string][]byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(made.Out, program+"_"+version+"_linux_amd64.tar.gz"))
	require.NoError(t, err)
	plain, err := gzip.NewReader(bytes.NewReader(content))
	require.NoError(t, err)
	files := map[string][]byte{}
	for r := tar.NewReader(plain); ; {
		header, err := r.Next()
		if err == io.EOF {
			return files
		}
		require.NoError(t, err)
		require.Equal(t, made.Time, header.ModTime.UTC(), "the commit's time")
		require.Zero(t, header.Uid+header.Gid)
		require.Empty(t, header.Uname+header.Gname)
		files[header.Name], err = io.ReadAll(r)
		require.NoError(t, err)
	}
}

// extracted writes a program of an archive to a folder, and returns its path.
func extracted(t *testing.T, program string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), program)
	require.NoError(t, os.WriteFile(path, unpacked(t, program)[program], 0o755))
	return path
}

func TestEveryProgramIsReleased(t *testing.T) {
	folders, err := os.ReadDir("../../cmd")
	require.NoError(t, err)
	var commands, released []string
	for _, folder := range folders {
		commands = append(commands, folder.Name())
	}
	for _, program := range programs {
		released = append(released, program.Name)
	}
	require.ElementsMatch(t, commands, released)
}

func TestArchivesHoldTheProgramAndItsLicense(t *testing.T) {
	for _, program := range programs {
		files := unpacked(t, program.Name)
		require.Len(t, files, 2)
		require.Contains(t, string(files["LICENSE"]), "Mozilla Public License")
		require.Contains(t, output(t, extracted(t, program.Name), "-version"), version)
	}
}

func TestProgramsHoldNoPathOfTheMachine(t *testing.T) {
	home, err := os.UserHomeDir()
	require.NoError(t, err)
	modules, err := exec.CommandContext(t.Context(), "go", "env", "GOMODCACHE", "GOROOT").Output()
	require.NoError(t, err)
	paths := append(bytes.Fields(modules), []byte(made.Root), []byte(filepath.Join(home, "go")),
		[]byte(filepath.Join(os.TempDir(), "release-")))
	for _, program := range programs {
		for name, content := range unpacked(t, program.Name) {
			for _, path := range paths {
				require.False(t, bytes.Contains(content, path), "%s has %s", name, path)
			}
		}
	}
}

func TestSHA256SUMSHasEveryFile(t *testing.T) {
	out := output(t, "sh", "-c", `cd "$1" && sha256sum --strict -c SHA256SUMS`, "sh", made.Out)
	files, err := os.ReadDir(made.Out)
	require.NoError(t, err)
	require.Equal(t, len(files)-1, strings.Count(out, ": OK\n"))
}

func TestCompareSeesOneDifferentByte(t *testing.T) {
	folders := [2]string{t.TempDir(), t.TempDir()}
	for i, folder := range folders {
		r := &Release{Out: folder}
		require.NoError(t, r.write("program", []byte{byte(i)}))
		require.NoError(t, sums(t.Context(), r, nil))
	}
	require.ErrorIs(t, compare(folders[0], folders[1]), errDiffers)
	require.NoError(t, compare(folders[0], folders[0]))
}

func TestZipFilesAreTheSameWhateverTheOrderOfTheirFiles(t *testing.T) {
	a, b := entry{"a", 0o644, []byte("1")}, entry{"b", 0o755, []byte("2")}
	first, err := zipped([]entry{a, b}, time.Unix(1700000000, 0).UTC())
	require.NoError(t, err)
	second, err := zipped([]entry{b, a}, time.Unix(1700000000, 0).UTC())
	require.NoError(t, err)
	require.Equal(t, first, second)
}

func TestAReleaseHasAVersion(t *testing.T) {
	for _, bad := range []string{
		"", "1.2.3", "v1.2", "v1.2.3-rc.1", "v1.2.3+dev", "v01.2.3", "v1.2.3\n", "v1.2.3 -x", "../v1.2.3",
	} {
		require.ErrorIs(t, (&Release{Version: bad}).Make(t.Context()), errVersion, bad)
		require.ErrorIs(t, run(t.Context(), "../..", bad, false), errVersion, bad)
	}
}
