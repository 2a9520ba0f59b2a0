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
		Region string `json:"region_id"`
	} `json:"profiles"`
}

// profilesLoop reports whether the profile to use takes its credentials from itself, directly or indirectly.
// credentials-go would follow such a loop until the stack overflows, which ends the whole process. A file that can't be
// read has no loop.
func profilesLoop() bool {
	p := readProfiles()
	name, chained := p.name(), true
	for range len(p.Profiles) {
		if name, chained = p.source(name); !chained {
			return false
		}
	}
	return chained && len(p.Profiles) > 0
}

// readProfiles reads the configuration. One that can't be read has no profiles.
func readProfiles() (p profiles) {
	home, _ := os.UserHomeDir()
	content, err := os.ReadFile(cmp.Or(os.Getenv("ALIBABA_CLOUD_CONFIG_FILE"), filepath.Join(home, ".aliyun/config.json")))
	if err != nil || json.Unmarshal(content, &p) != nil {
		return profiles{}
	}
	return p
}

// name returns the name of the profile to use.
func (p profiles) name() string { return cmp.Or(os.Getenv("ALIBABA_CLOUD_PROFILE"), p.Current) }

// ProfileRegion returns the region of the aliyun command's profile, if that is where the environment's credentials come
// from. Otherwise, or if the profile has none, it is empty.
func ProfileRegion() string {
	for _, s := range sources {
		if !s.isSetUp() {
			continue
		}
		if s.name != profileSource {
			return ""
		}
		p := readProfiles()
		for _, profile := range p.Profiles {
			if profile.Name == p.name() {
				return profile.Region
			}
		}
		return ""
	}
	return ""
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
