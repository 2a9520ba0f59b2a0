package house

import (
	"os"
	"path"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

func TestDependabotWatchesEveryModule(t *testing.T) {
	var config struct {
		Updates []struct {
			Ecosystem   string `yaml:"package-ecosystem"`
			Directories []string
		}
	}
	content, err := os.ReadFile(path.Join(top, ".github", "dependabot.yml"))
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(content, &config))
	var watched []string
	for _, update := range config.Updates {
		if update.Ecosystem == "gomod" {
			watched = update.Directories
		}
	}
	modules := []string{"/"}
	for _, s := range sources(t, ".mod") {
		// Vault stays at the newest version that can be built as a module.
		if folder := path.Dir(s.path); folder != "." && folder != "test/vault" {
			modules = append(modules, "/"+folder)
		}
	}
	require.ElementsMatch(t, modules, watched)
}
