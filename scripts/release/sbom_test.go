package main

import (
	"debug/buildinfo"
	"os"
	"path/filepath"
	"testing"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/stretchr/testify/require"
)

// TestTheBOMListsWhatTheProgramHolds compares with what `go version -m` reads.
func TestTheBOMListsWhatTheProgramHolds(t *testing.T) {
	for _, program := range programs {
		info, err := buildinfo.ReadFile(extracted(t, program.Name))
		require.NoError(t, err)
		holds := map[string]string{"std": info.GoVersion}
		for _, dep := range info.Deps {
			if dep.Replace != nil {
				dep = dep.Replace
			}
			holds[dep.Path] = dep.Version
		}
		bom := readBOM(t, program.Name)
		listed := map[string]string{}
		for _, component := range *bom.Components {
			listed[component.Name] = component.Version
		}
		require.Equal(t, holds, listed)
		require.Equal(t, version, bom.Metadata.Component.Version)
		require.Equal(t, module, bom.Metadata.Component.Name)
		require.Empty(t, bom.SerialNumber)
		require.Empty(t, bom.Metadata.Timestamp)
	}
}

func readBOM(t *testing.T, program string) (bom cyclonedx.BOM) {
	t.Helper()
	file, err := os.Open(filepath.Join(made.Out, program+"_"+version+"_linux_amd64.cdx.json"))
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	require.NoError(t, cyclonedx.NewBOMDecoder(file, cyclonedx.BOMFileFormatJSON).Decode(&bom))
	return bom
}
