package credentials

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
)

// profiles is what is read here of the aliyun command's configuration.
type profiles struct {
	Current  string `json:"current"`
	Profiles []struct {
		Name   string `json:"name"`
		Mode   string `json:"mode"`
		Source string `json:"source_profile"`
	} `json:"profiles"`
}

// profilesLoop reports whether the profile to use takes its credentials from itself in the end. credentials-go would follow
// that until the stack overflows, which ends the process and all that it serves. What can't be read is no loop.
func profilesLoop() bool {
	home, _ := os.UserHomeDir()
	text, err := os.ReadFile(cmp.Or(os.Getenv("ALIBABA_CLOUD_CONFIG_FILE"), filepath.Join(home, ".aliyun/config.json")))
	var p profiles
	if err != nil || json.Unmarshal(text, &p) != nil {
		return false
	}
	name, chained := cmp.Or(os.Getenv("ALIBABA_CLOUD_PROFILE"), p.Current), true
	for range len(p.Profiles) {
		if name, chained = p.source(name); !chained {
			return false
		}
	}
	return chained
}

// source returns where the profile called name takes its credentials from, if that is another profile.
func (p profiles) source(name string) (string, bool) {
	for _, profile := range p.Profiles {
		if profile.Name == name { // The first, as in credentials-go.
			return profile.Source, profile.Mode == "ChainableRamRoleArn"
		}
	}
	return "", false
}
