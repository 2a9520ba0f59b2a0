package call

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

// A desk is where a user types calls to a service.
type desk struct {
	t       *testing.T
	kms     *kmstest.KMS
	options Options
	stdin   string
	stderr  string
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	t.Chdir(t.TempDir())
	kms := kmstest.New(t)
	exports := fmt.Sprintf("export ALICLOUD_DOMAIN='%s'\nexport ALICLOUD_ACCESS_KEY='%s'\nexport ALICLOUD_SECRET_KEY='%s'\n"+
		"export SSL_CERT_FILE='%s'\nexport ALICLOUD_KMS_INSTANCE_ID='kst-dev'\nexport ALICLOUD_KMS_INSTANCE_ENDPOINT='%s'\n"+
		"export ALICLOUD_KMS_INSTANCE_CA='instance.pem'\n",
		kms.Endpoint, kms.AccessKeyID, kms.AccessKeySecret.Reveal(), kms.CAFile, kms.Instance.Endpoint)
	require.NoError(t, os.WriteFile("kms.env", []byte(exports), 0o600))
	require.NoError(t, os.WriteFile("instance.pem", []byte(kms.Instance.CACert), 0o600))
	return &desk{t: t, kms: kms, options: Options{Target: Target{EnvFile: "kms.env"}}}
}

// try calls an operation and returns what was printed.
func (d *desk) try(op kmsapi.Operation, args ...string) (stdout string, err error) {
	var out, notes bytes.Buffer
	o := d.options
	o.Stdin, o.Stdout, o.Stderr = strings.NewReader(d.stdin), &out, &notes
	err = Run(context.Background(), op, args, o)
	d.stderr = notes.String()
	return out.String(), err
}

// call is try for a call that succeeds. Its output loses the line break at its end, as in a shell.
func (d *desk) call(op kmsapi.Operation, args ...string) string {
	d.t.Helper()
	out, err := d.try(op, args...)
	require.NoError(d.t, err)
	return strings.TrimSuffix(out, "\n")
}

// with returns a desk whose options are changed.
func (d *desk) with(change func(*Options)) *desk {
	changed := *d
	change(&changed.options)
	return &changed
}

func (d *desk) field(name string) *desk { return d.with(func(o *Options) { o.Field = name }) }

func TestBytesGoToKMSAndBack(t *testing.T) {
	d := newDesk(t)
	key := d.field("KeyId").call(kmsapi.OpCreateKey)
	raw := d.with(func(o *Options) { o.Raw = true })
	raw.stdin = "hello\x00\xff\n"
	blob := raw.field("CiphertextBlob").call(kmsapi.OpEncrypt, "KeyId="+key, "Plaintext=@-")
	require.NoError(t, os.WriteFile("blob", []byte(blob+"\n"), 0o600))
	revealing := raw.field("Plaintext").with(func(o *Options) { o.Reveal = true })
	out, err := revealing.try(kmsapi.OpDecrypt, "CiphertextBlob=@blob")
	require.NoError(t, err)
	require.Equal(t, raw.stdin, out)
}

func TestABinarySecretIsWrittenAndReadAsBytes(t *testing.T) {
	d := newDesk(t)
	raw := d.with(func(o *Options) { o.Raw = true })
	raw.stdin = "hello\x00\xff\n"
	raw.call(kmsapi.OpCreateSecret, "SecretName=s", "VersionId=1", "SecretDataType=binary", "SecretData=@-")
	d.call(kmsapi.OpCreateSecret, "SecretName=t", "VersionId=1", "SecretData=dGV4dA==")
	revealing := raw.field("SecretData").with(func(o *Options) { o.Reveal = true })
	out, err := revealing.try(kmsapi.OpGetSecretValue, "SecretName=s")
	require.NoError(t, err)
	require.Equal(t, raw.stdin, out)
	_, err = revealing.try(kmsapi.OpGetSecretValue, "SecretName=t")
	require.EqualError(t, err, "SecretData of GetSecretValue: it is text; leave out -raw")
	_, err = raw.try(kmsapi.OpPutSecretValue, "SecretName=t", "VersionId=2", "SecretData=@-")
	require.EqualError(t, err, "-raw with PutSecretValue needs SecretDataType=binary")
}

func TestASecretIsWrittenOnlyOnRequest(t *testing.T) {
	d := newDesk(t)
	key := d.field("KeyId").call(kmsapi.OpCreateKey)
	hidden := d.call(kmsapi.OpGenerateDataKey, "KeyId="+key)
	require.Contains(t, hidden, "[redacted]")
	require.Equal(t, "alicloudkms: Plaintext is a secret; -reveal prints it\n", d.stderr)
	require.NotEmpty(t, d.field("CiphertextBlob").call(kmsapi.OpGenerateDataKey, "KeyId="+key))
	shown := d.field("Plaintext").with(func(o *Options) { o.Reveal = true })
	decoded, err := base64.StdEncoding.DecodeString(shown.call(kmsapi.OpGenerateDataKey, "KeyId="+key))
	require.NoError(t, err)
	require.Len(t, decoded, 32)
	require.Empty(t, shown.stderr)
	_, err = d.field("Plaintext").try(kmsapi.OpGenerateDataKey, "KeyId="+key)
	require.EqualError(t, err, "Plaintext is a secret; -reveal prints it")
}

func TestAnAnswerGoesToANewFileThatOnlyItsOwnerCanRead(t *testing.T) {
	d := newDesk(t)
	key := d.field("KeyId").call(kmsapi.OpCreateKey)
	into := func(name string) *desk {
		return d.with(func(o *Options) { o.Out, o.Field, o.Reveal = name, "KeyId", true })
	}
	require.Empty(t, into("id").call(kmsapi.OpDescribeKey, "KeyId="+key))
	content, err := os.ReadFile("id")
	require.NoError(t, err)
	require.Equal(t, key+"\n", string(content))
	info, err := os.Stat("id")
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	_, err = into("id").try(kmsapi.OpDescribeKey, "KeyId="+key)
	require.ErrorIs(t, err, os.ErrExist)
	require.NoError(t, os.Symlink("elsewhere", "link"))
	_, err = into("link").try(kmsapi.OpDescribeKey, "KeyId="+key)
	require.ErrorIs(t, err, os.ErrExist)
	require.NoFileExists(t, "elsewhere")
}

func TestNoFileIsLeftOfACallWithoutAnAnswer(t *testing.T) {
	d := newDesk(t)
	key := d.field("KeyId").call(kmsapi.OpCreateKey)
	into := d.with(func(o *Options) { o.Out = "out" })
	_, err := into.try(kmsapi.OpDescribeKey, "KeyId=none")
	require.ErrorIs(t, err, kmsapi.ErrKeyNotFound)
	require.NoFileExists(t, "out")
	require.Empty(t, into.call(kmsapi.OpEncrypt, "KeyId="+key, "Plaintext=eA==", "DryRun=true"))
	require.Equal(t, "alicloudkms: this was a dry run; Encrypt would succeed\n", into.stderr)
	require.NoFileExists(t, "out")
	_, err = d.with(func(o *Options) { o.Out = "none/out" }).try(kmsapi.OpCreateKey)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.Equal(t, "1", d.field("TotalCount").call(kmsapi.OpListKeys), "without a place for the answer, nothing is sent")
}

func TestNothingIsSentIfTheAnswerCouldNotBePrinted(t *testing.T) {
	d := newDesk(t)
	_, err := d.field("KeyID").try(kmsapi.OpCreateKey)
	require.EqualError(t, err, `the answer of CreateKey has no field "KeyID"; did you mean KeyId?`)
	require.Equal(t, "0", d.field("TotalCount").call(kmsapi.OpListKeys))
}

func TestAllReadsEveryPage(t *testing.T) {
	d := newDesk(t)
	for range 5 {
		d.call(kmsapi.OpCreateKey)
	}
	page := d.field("KeyId").call(kmsapi.OpListKeys, "PageSize=2")
	require.Len(t, strings.Fields(page), 2)
	d.call(kmsapi.OpListKeys, "PageSize=2", "PageNumber=3")
	require.Equal(t, "alicloudkms: this is a page with 1 of 5 entries; -all reads every page\n", d.stderr)
	all := d.with(func(o *Options) { o.All = true })
	for _, args := range [][]string{nil, {"PageSize=2"}, {"PageSize=5"}, {"PageSize=1"}} {
		ids := all.field("KeyId")
		require.Len(t, strings.Fields(ids.call(kmsapi.OpListKeys, args...)), 5)
		require.Empty(t, ids.stderr)
		require.Equal(t, "5", all.field("PageSize").call(kmsapi.OpListKeys, args...))
	}
	for want, tc := range map[string]struct {
		op   kmsapi.Operation
		args []string
	}{
		"-all is for operations that list page by page; DescribeRegions is not one of them": {op: kmsapi.OpDescribeRegions},
		"-all reads every page, so PageNumber can't be given": {
			op: kmsapi.OpListKeys, args: []string{"PageNumber=2"},
		},
	} {
		_, err := all.try(tc.op, tc.args...)
		require.EqualError(t, err, want)
	}
}

func TestTheDedicatedGatewayOfAnInstance(t *testing.T) {
	d := newDesk(t)
	key := d.field("KeyId").call(kmsapi.OpCreateKey, "DKMSInstanceId=kst-dev")
	broken := d.with(func(o *Options) { o.Target.Instance, o.Target.InstanceEndpoint = "kst-dev", "127.0.0.1:1" })
	_, err := broken.try(kmsapi.OpEncrypt, "KeyId="+key, "Plaintext=x")
	require.ErrorContains(t, err, "Encrypt at 127.0.0.1:1 failed")
	require.NotErrorAs(t, err, new(*UsageError))
	instance := d.with(func(o *Options) { o.Target.Instance = "kst-dev" })
	require.NotEmpty(t, instance.field("CiphertextBlob").call(kmsapi.OpEncrypt, "KeyId="+key, "Plaintext=x"))
	other := d.with(func(o *Options) { o.Target.Instance = "kst-other" })
	_, err = other.try(kmsapi.OpEncrypt, "KeyId="+key, "Plaintext=x")
	require.EqualError(t, err, "-instance kst-other needs -instance-ca-cert FILE, which the console offers")
	require.ErrorAs(t, err, new(*UsageError))
	without := d.with(func(o *Options) { o.Target.InstanceEndpoint = "127.0.0.1:1" })
	_, err = without.try(kmsapi.OpEncrypt, "KeyId="+key, "Plaintext=x")
	require.EqualError(t, err, "flags about the gateway of a KMS instance need -instance ID")
}

func TestFlagsGoBeforeVariables(t *testing.T) {
	d := newDesk(t)
	_, err := d.with(func(o *Options) { o.Target.Endpoint = "127.0.0.1:1" }).try(kmsapi.OpListKeys)
	require.ErrorContains(t, err, "ListKeys at 127.0.0.1:1 failed")
	_, err = d.with(func(o *Options) { o.Target.CACert = "instance.pem" }).try(kmsapi.OpListKeys)
	require.ErrorContains(t, err, "unknown authority (if the server is the right one, give the certificate of the "+
		"authority that signed its certificate, with -ca-cert, ")
	_, err = d.with(func(o *Options) { o.Target.CACert = "kms.env" }).try(kmsapi.OpListKeys)
	require.EqualError(t, err, "kms.env holds no PEM certificate")
	d.call(kmsapi.OpCreateKey)
	elsewhere := d.field("TotalCount").with(func(o *Options) { o.Target.Region = "cn-shanghai" })
	require.Equal(t, "0", elsewhere.call(kmsapi.OpListKeys), "keys belong to a region")
	_, err = d.with(func(o *Options) { o.Target.ServerName = "kms.example.com" }).try(kmsapi.OpListKeys)
	require.ErrorContains(t, err, "kms.example.com")
}

func TestWhatTheClientRefusesIsNamedByItsFlag(t *testing.T) {
	d := newDesk(t)
	for want, change := range map[string]func(*Target){
		`-network "vcp" is neither "public" nor "vpc"`: func(t *Target) { t.Network = "vcp" },
		"-endpoint has more than scheme, host and port; leave out user, path and query": func(t *Target) {
			t.Endpoint = "kms.example.com/kms"
		},
		"-instance-endpoint must have the scheme \"https\", or \"http\" on loopback": func(t *Target) {
			t.Instance, t.InstanceCACert, t.InstanceEndpoint = "kst-other", d.kms.CAFile, "ftp://kms.example.com"
		},
	} {
		_, err := d.with(func(o *Options) { change(&o.Target) }).try(kmsapi.OpListKeys)
		require.EqualError(t, err, want)
	}
}

func TestCredentialsOfTheEnvironment(t *testing.T) {
	d := newDesk(t)
	clearCredentials(t)
	own := d.with(func(o *Options) { o.Target = Target{Endpoint: d.kms.Endpoint, CACert: d.kms.CAFile} })
	_, err := own.try(kmsapi.OpListKeys)
	require.ErrorContains(t, err, "ListKeys was not sent to KMS for want of credentials")
	require.ErrorContains(t, err, "; -env FILE names a file with credentials")

	t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", d.kms.AccessKeyID)
	t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", d.kms.AccessKeySecret.Reveal())
	own.call(kmsapi.OpListKeys)

	t.Setenv("ALICLOUD_ACCESS_KEY", "LTAIunknown")
	t.Setenv("ALICLOUD_SECRET_KEY", "of nobody")
	_, err = own.try(kmsapi.OpListKeys)
	require.ErrorIs(t, err, kmsapi.ErrAccessKeyNotFound, "ours come first, as in the seal")
	d.call(kmsapi.OpListKeys)

	t.Setenv("ALICLOUD_ACCESS_KEY", "")
	t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "")
	const format = `{"current":"hr","profiles":[
		{"name":"hr","mode":"AK","region_id":"cn-shanghai","access_key_id":%q,"access_key_secret":%q}]}`
	profile := fmt.Sprintf(format,
		d.kms.AccessKeyID, d.kms.AccessKeySecret.Reveal())
	require.NoError(t, os.WriteFile("config.json", []byte(profile), 0o600))
	t.Setenv("ALIBABA_CLOUD_CONFIG_FILE", "config.json")
	arn := own.field("Arn").call(kmsapi.OpCreateKey)
	require.Contains(t, arn, ":cn-shanghai:", "the profile has the region")
	arn = own.field("Arn").with(func(o *Options) { o.Target.Region = "cn-beijing" }).call(kmsapi.OpCreateKey)
	require.Contains(t, arn, ":cn-beijing:")
}

// clearCredentials leaves no source of credentials but what a test adds.
func clearCredentials(t *testing.T) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	for _, line := range os.Environ() {
		if name, _, _ := strings.Cut(line, "="); strings.HasPrefix(name, "ALI") {
			t.Setenv(name, "")
		}
	}
	t.Setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
}

// The tests of package credentials cover what happens with a role.
func TestARoleIsAssumedWhereTheVariablesNameOne(t *testing.T) {
	d := newDesk(t)
	t.Setenv("ALICLOUD_ROLE_ARN", "not an ARN")
	d.call(kmsapi.OpListKeys)
	exports, err := os.ReadFile("kms.env")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile("role.env", append(exports, "ALICLOUD_ROLE_ARN='not an ARN'\n"...), 0o600))
	_, err = d.with(func(o *Options) { o.Target.EnvFile = "role.env" }).try(kmsapi.OpListKeys)
	require.ErrorContains(t, err, "not the ARN of a role")
}

func TestAFileOfVariablesIsTheOnlyPlaceThen(t *testing.T) {
	d := newDesk(t)
	t.Setenv("ALICLOUD_DOMAIN", d.kms.Endpoint)
	t.Setenv("ALICLOUD_ACCESS_KEY", d.kms.AccessKeyID)
	t.Setenv("ALICLOUD_SECRET_KEY", d.kms.AccessKeySecret.Reveal())
	require.NoError(t, os.WriteFile("other.env", []byte("export ALICLOUD_DOMAIN='127.0.0.1:1'\n"), 0o600))
	other := d.with(func(o *Options) { o.Target.EnvFile = "other.env" })
	_, err := other.try(kmsapi.OpListKeys)
	require.EqualError(t, err, "other.env sets no ALICLOUD_ACCESS_KEY")
	sdk := "export ALIBABA_CLOUD_ACCESS_KEY_ID='a'\nexport ALIBABA_CLOUD_ACCESS_KEY_SECRET='b'\n" +
		"export ALICLOUD_DOMAIN='127.0.0.1:1'\n"
	require.NoError(t, os.WriteFile("other.env", []byte(sdk), 0o600))
	_, err = other.try(kmsapi.OpListKeys)
	require.ErrorContains(t, err, "ListKeys at 127.0.0.1:1 failed")
}

func TestTheEnvironmentCanNameTheServicesAuthorityAlone(t *testing.T) {
	d := newDesk(t)
	d.options.Target.EnvFile = ""
	t.Setenv("ALICLOUD_DOMAIN", d.kms.Endpoint)
	t.Setenv("ALICLOUD_ACCESS_KEY", d.kms.AccessKeyID)
	t.Setenv("ALICLOUD_SECRET_KEY", d.kms.AccessKeySecret.Reveal())
	t.Setenv("ALICLOUD_KMS_CA", d.kms.CAFile)
	d.call(kmsapi.OpListKeys)
	t.Setenv("ALICLOUD_KMS_CA", "instance.pem")
	_, err := d.try(kmsapi.OpListKeys)
	require.ErrorContains(t, err, "unknown authority")
}

func TestNoSecretOfTheCallerIsPrinted(t *testing.T) {
	d := newDesk(t)
	const secret = "correct-horse"
	key := d.field("KeyId").call(kmsapi.OpCreateKey)
	d.stdin = secret
	for _, args := range [][]string{
		{"KeyId=none", "Plaintext=@-"},
		{"KeyId=" + key, "Plaintext=@-", `EncryptionContext={"a":"` + secret},
		{"KeyId=" + key, "Plaintext=@-", "Plaintext=" + secret},
		{"KeyId=" + key, secret},
	} {
		out, err := d.try(kmsapi.OpEncrypt, args...)
		require.Error(t, err)
		require.NotContains(t, err.Error()+out+d.stderr, secret)
	}
	wrong := "export ALICLOUD_ACCESS_KEY='" + d.kms.AccessKeyID + "'\nexport ALICLOUD_SECRET_KEY='" + secret + "'\n" +
		"export ALICLOUD_DOMAIN='" + d.kms.Endpoint + "'\nexport SSL_CERT_FILE='" + d.kms.CAFile + "'\n"
	require.NoError(t, os.WriteFile("wrong.env", []byte(wrong), 0o600))
	other := d.with(func(o *Options) { o.Target.EnvFile = "wrong.env" })
	out, err := other.try(kmsapi.OpEncrypt, "KeyId="+key, "Plaintext=@-")
	require.ErrorIs(t, err, kmsapi.ErrIncompleteSignature)
	require.NotContains(t, err.Error()+out, secret)
}
