package credentials

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
)

// profiles has the fields of the aliyun command's configuration that are needed here.
type profiles struct {
	Current  string `json:"current"`
	Profiles []struct {
		Name   string `json:"name"`
		Mode   string `json:"mode"`
		Source string `json:"source_profile"`
	} `json:"profiles"`
}

// profilesLoop reports whether the profile to use takes its credentials from itself, directly or not. credentials-go
// would follow such a loop until the stack overflows, which ends the whole process. A file that can't be read has no
// loop.
func profilesLoop() bool {
	home, _ := os.UserHomeDir()
	content, err := os.ReadFile(cmp.Or(os.Getenv("ALIBABA_CLOUD_CONFIG_FILE"), filepath.Join(home, ".aliyun/config.json")))
	var p profiles
	if err != nil || json.Unmarshal(content, &p) != nil {
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
