package credentials

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheRegionIsThatOfTheProfileThatTheCredentialsComeFrom(t *testing.T) {
	const config = `{"current":"a","profiles":[{"name":"a","region_id":"cn-shanghai"},{"name":"b","region_id":"cn-beijing"}]}`
	for name, tc := range map[string]struct {
		config string
		env    map[string]string
		want   string
	}{
		"the current profile": {config: config, want: "cn-shanghai"},
		"another profile": {
			config: config, env: map[string]string{"ALIBABA_CLOUD_PROFILE": "b"}, want: "cn-beijing",
		},
		"a profile that does not exist": {config: config, env: map[string]string{"ALIBABA_CLOUD_PROFILE": "c"}},
		"profiles that are not used": {
			config: config, env: map[string]string{"ALIBABA_CLOUD_CLI_PROFILE_DISABLED": "true"},
		},
		"credentials from another source": {
			config: config, env: map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAI"},
		},
		"a damaged file": {config: "{"},
		"no region":      {config: profile("LTAI")},
	} {
		t.Run(name, func(t *testing.T) {
			writeFile(t, cleanEnvironment(t), ".aliyun/config.json", tc.config)
			setAll(t, tc.env)
			require.Equal(t, tc.want, ProfileRegion())
		})
	}
	cleanEnvironment(t)
	require.Empty(t, ProfileRegion(), "there is no profile")
}
