package sdk

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const aliyunPage = "../../docs/aliyun-cli.md"

var shellBlock = regexp.MustCompile("(?ms)^```sh .*?$\n(.*?)^```$")

// aliyunScript returns the page's blocks as one script.
func aliyunScript(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(aliyunPage)
	require.NoError(t, err)
	var script strings.Builder
	for _, block := range shellBlock.FindAllStringSubmatch(string(page), -1) {
		script.WriteString(block[1])
	}
	require.Contains(t, script.String(), "aliyun kms")
	return script.String()
}

// TestTheAliyunPageRunsAsPrinted runs the page with the aliyun command that ALIYUN_BIN names, if it names one.
func TestTheAliyunPageRunsAsPrinted(t *testing.T) {
	work, bin := t.TempDir(), t.TempDir()
	aliyun := os.Getenv("ALIYUN_BIN")
	if aliyun == "" {
		var err error
		aliyun, err = os.Executable()
		require.NoError(t, err)
	}
	require.NoError(t, os.Symlink(aliyun, filepath.Join(bin, aliyunName)))
	require.NoError(t, os.Symlink(program, filepath.Join(bin, "alicloudkms")))
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", aliyunScript(t))
	cmd.Dir = work
	cmd.Env = append(os.Environ(), "HOME="+work, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	for name, value := range devExports {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Regexp(t, `(?m)^hello`, string(out), "the plaintext is decrypted")
	require.Contains(t, string(out), `"TagKey": "team"`)
}

func TestArgumentsThatTheAliyunCommandDoesNotTake(t *testing.T) {
	for _, args := range []string{
		"", "kms", "ecs DescribeRegions", "kms ListKeys --endpoint", "kms ListKeys --KeyId k", "kms Encrypt KeyId k",
		"kms Encrypt --Plaintext-FILE none", "kms MakeCoffee --KeyId k",
	} {
		_, err := parseAliyun(strings.Fields(args))
		require.Error(t, err, args)
	}
}
