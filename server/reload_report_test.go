package server_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// changes reloads the service, which must succeed, and returns what the report says.
func (s *site) changes() (changes, waiting []string) {
	s.t.Helper()
	report, err := server.RequestReload(s.t.Context(), s.file)
	require.NoError(s.t, err)
	for _, c := range report.Changes {
		changes = append(changes, c.String())
	}
	for _, c := range report.NeedsRestart {
		waiting = append(waiting, c.String())
	}
	return changes, waiting
}

func TestAReloadReportsWhatItChanges(t *testing.T) {
	s := newSite(t)
	other, err := server.NewDevConfig(t.TempDir(), "127.0.0.1:0")
	require.NoError(t, err)
	for _, tc := range []struct {
		name, old, changed string
		want               []string
	}{
		{
			"an access key", `access_key "LTAIone"`,
			"access_key \"LTAItwo\" { secret = \"two\" }\n  access_key \"LTAIone\"",
			[]string{`access_key "LTAItwo": added`},
		},
		{"its secret", `secret = "two"`, `secret = "second"`, []string{`access_key "LTAItwo": new secret`}},
		{"its state", `secret = "second"`, "\nsecret = \"second\"\ninactive = true\n", []string{
			`access_key "LTAItwo": made inactive`,
		}},
		{"its state again", `inactive = true`, ``, []string{`access_key "LTAItwo": made active`}},
		{
			"permissions", `secret = "second"`,
			"secret = \"second\"\nallow {\nactions = [\"kms:*\"]\nresources = [\"*\"]\n}\n",
			[]string{`access_key "LTAItwo": new permissions`},
		},
		{"a token", `secret = "second"`, "secret = \"second\"\nsecurity_token = \"t\"\n", []string{
			`access_key "LTAItwo": needs a security token now`,
		}},
		{"another token", `security_token = "t"`, "security_token = \"u\"\nexpires = \"2030-12-31T23:59:59Z\"\n", []string{
			`access_key "LTAItwo": new security token`, `access_key "LTAItwo": new expiry`,
		}},
		{"an account", `instance`, "account \"2\" {\naccess_key \"LTAIthree\" { secret = \"three\" }\n}\ninstance", []string{
			`account "2": added`, `access_key "LTAIthree": added`,
		}},
		{
			"less", "account \"2\" {\naccess_key \"LTAIthree\" { secret = \"three\" }\n}\n", "",
			[]string{`account "2": removed`, `access_key "LTAIthree": removed`},
		},
		{"limits", `operations`, "rate_limits { crypto = 2000 }\nquotas { keys = -1 }\noperations", []string{
			`quotas.keys: unlimited (was 200)`, `rate_limits.crypto: 2000 (was 1000)`,
		}},
		{
			"rotation", `quotas`, "rotation {\nmin_version_interval = \"7d\"\nmin_interval = \"3600s\"\n}\nquotas",
			[]string{`rotation.min_version_interval: 7d (was 0d)`, `rotation.min_interval: 1h (was 7d)`},
		},
		{
			"an instance", `instance "kst-dev" {`, "instance \"kst-dev\" {\ndefault = true\nspec = 7\nstatus = \"Error\"\n",
			[]string{
				`instance "kst-dev".default: true (was false)`, `instance "kst-dev".spec: 7 (was 1000)`,
				`instance "kst-dev".status: Error (was Connected)`,
			},
		},
		{
			"a CA", `instance "kst-dev" {`, "instance \"kst-dev\" {\nca_cert_file = \"" + s.dir + "/instance-ca.pem\"\n",
			[]string{`instance "kst-dev".ca_cert_file: new certificates`},
		},
		{
			"a certificate", s.dir + "/tls.", filepath.Dir(other.CAFile) + "/tls.",
			[]string{"needs the key too"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := s.in(t)
			s.edit(tc.old, tc.changed)
			if tc.name == "a certificate" {
				s.edit(tc.old, tc.changed) // The file has the certificate's key too.
				got, _ := s.changes()
				require.Len(t, got, 1)
				require.Regexp(t, `^listener: new certificate for localhost, 127\.0\.0\.1, ::1, expires 20\d\d-.*Z$`, got[0])
				return
			}
			got, waiting := s.changes()
			require.Equal(t, tc.want, got)
			require.Empty(t, waiting)
			got, _ = s.changes()
			require.Empty(t, got, "nothing changed since then")
		})
	}
	require.NotContains(t, fmt.Sprint(s.reloads), "second")
}

func TestAReloadReportsWhatNeedsARestart(t *testing.T) {
	s := newSite(t)
	s.write(strings.NewReplacer(
		`address       = "127.0.0.1:0"`+"\n  tls", `address       = "127.0.0.1:1"`+"\n  tls",
		`/kms.db`, `/other.db`, `/root.key`, `/other.key`,
		`instance "kst-dev" {`, "default_region = \"cn-beijing\"\nregions = [\"cn-beijing\"]\nstrict_default_keys = true\n"+
			"limits {\ntimestamp_window = \"1m\"\nmax_nonces = 5\n}\naudit { file = \""+s.dir+"/audit.log\" }\n"+
			"instance \"kst-new\" {\nlistener {\naddress = \":1\"\nplain_http = true\n}\n}\n"+
			"instance \"kst-dev\" {\nkind = \"hardware\"\nimage = \"3.0.0\"\n",
		`operations {`, "operations {\nsocket = \""+s.dir+"/kms.db.sock\"\n", `"127.0.0.1:0" }`,
		"\"127.0.0.1:2\"\nhealth_address = \":3\"\n}",
	).Replace(s.text))
	changes, waiting := s.changes()
	require.Empty(t, changes)
	require.Equal(t, []string{
		`instance "kst-new": added`,
		`default_region: cn-beijing (in use: cn-hangzhou)`,
		`regions: cn-beijing (in use: ` + everyRegion() + `)`,
		`strict_default_keys: true (in use: false)`,
		`listener.address: 127.0.0.1:1 (in use: 127.0.0.1:0)`,
		`storage.path: ` + s.dir + `/other.db (in use: ` + s.dir + `/kms.db)`,
		`root_key.file: ` + s.dir + `/other.key (in use: ` + s.dir + `/root.key)`,
		`audit.file: ` + s.dir + `/audit.log (in use: none)`,
		`limits.timestamp_window: 1m0s (in use: 15m0s)`,
		`limits.max_nonces: 5 (in use: 2000000)`,
		`operations.address: 127.0.0.1:2 (in use: 127.0.0.1:0)`,
		`operations.health_address: :3 (in use: none)`,
		`instance "kst-dev".kind: hardware (in use: software)`,
		`instance "kst-dev".region: cn-beijing (in use: cn-hangzhou)`,
		`instance "kst-dev".image: 3.0.0 (in use: 3.2.0)`,
	}, waiting)
	_, again := s.changes()
	require.Equal(t, waiting, again, "until the restart")
}

func TestAListenerKeepsItsTLSUntilARestart(t *testing.T) {
	s := newSite(t)
	s.edit("tls_cert_file = \""+s.dir+"/tls.pem\"\n  tls_key_file  = \""+s.dir+"/tls.key\"\n", "plain_http = true\n")
	changes, waiting := s.changes()
	require.Empty(t, changes)
	require.Equal(t, []string{`listener.plain_http: true (in use: false)`}, waiting)
	require.Contains(t, s.healthz(), "ok")
}

func everyRegion() string {
	var ids []string
	for _, r := range kmsapi.Regions() {
		ids = append(ids, r.ID)
	}
	slices.Sort(ids)
	return strings.Join(ids, ", ")
}

func TestAFailedReloadMakesTheConfigurationStaleUntilOneSucceeds(t *testing.T) {
	s := newSite(t)
	metrics := func() string {
		_, text := observe(t, s.server.OpsAddress(), "GET", "/metrics")
		return text
	}
	require.Contains(t, metrics(), "\nalicloudkms_config_stale 0\n")
	require.Equal(t, "ok\n", s.healthz())

	s.secret("two", 0o644)
	s.edit(`access_key "LTAIone"`, "access_key \"LTAItwo\" { secret_file = \""+s.dir+"/two\" }\n  access_key \"LTAIone\"")
	_, err := server.RequestReload(t.Context(), s.file)
	path := s.dir + "/two"
	require.EqualError(t, err, s.file+`:9: account "1": access_key "LTAItwo": secret_file: `+path+
		` has mode 0644, so users other than its owner can access it; run: chmod 600 `+path)
	require.Contains(t, metrics(), "\nalicloudkms_config_stale 1\n")
	require.Contains(t, metrics(), "\nalicloudkms_reloads_total{result=\"failed\"} 1\n")
	require.Regexp(t, `^ok\nThe configuration is stale: reloads have failed since 20.*Z; the log says why\.\n$`, s.healthz())

	s.edit(`secret_file`, `sercet_file`)
	_, err = server.RequestReload(t.Context(), s.file)
	require.ErrorContains(t, err, `Did you mean "secret_file"?`)
	require.Contains(t, metrics(), "\nalicloudkms_reloads_total{result=\"failed\"} 2\n")

	s.edit(`sercet_file`, `secret_file`)
	s.secret("two", 0o600)
	changes, _ := s.changes()
	require.Equal(t, []string{`access_key "LTAItwo": added`}, changes)
	require.Contains(t, metrics(), "\nalicloudkms_config_stale 0\n")
	require.Equal(t, "ok\n", s.healthz())
	require.Len(t, s.reloads, 3)
	require.NoError(t, s.reloads[2])
}

func TestSIGHUPAndTheSocketReloadTheSameWay(t *testing.T) {
	s := newSite(t)
	s.edit(`{ secret_file = "`+s.dir+`/one" }`, `{ secret = "new" }`)
	report, err := s.server.ReloadFile() // As for SIGHUP.
	require.NoError(t, err)
	require.Equal(t, s.file, report.Config)
	require.Equal(t, `access_key "LTAIone": new secret`, report.Changes[0].String())
	changes, _ := s.changes()
	require.Empty(t, changes)
}

func TestAReloadIsForTheServicesOwnFile(t *testing.T) {
	s := newSite(t)
	other := filepath.Join(s.dir, "copy.hcl")
	require.NoError(t, os.WriteFile(other, []byte(s.text), 0o600))
	_, err := server.RequestReload(t.Context(), other)
	require.ErrorIs(t, err, server.ErrOtherConfig)
	require.EqualError(t, err, "the service was started with another configuration file: -config "+s.file)
	require.Empty(t, s.reloads, "nothing was reloaded")

	require.NoError(t, os.Remove(other))
	require.NoError(t, os.Symlink("kms.hcl", other))
	_, err = server.RequestReload(t.Context(), other)
	require.NoError(t, err, "another name of the same file")
}

func TestAServiceThatCantBeAskedToReload(t *testing.T) {
	dir := shortDir(t)
	file, socket := filepath.Join(dir, "kms.hcl"), filepath.Join(dir, "kms.db.sock")
	ask := func(text string) error {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		_, err := server.RequestReload(t.Context(), file)
		return err
	}
	good := strings.ReplaceAll(wholeConfig(t), `"kms.sock"`, `"`+socket+`"`)
	err := ask(good)
	require.ErrorIs(t, err, server.ErrNoService)
	require.EqualError(t, err, "socket "+socket+": no service listens there")

	err = ask(strings.Replace(good, `"5m"`, `"five"`, 1))
	require.EqualError(t, err, file+`:54: limits: timestamp_window: "five" is not a duration from 1s to 24h, such as "15m"`+
		"\nsocket "+socket+": no service listens there")

	none, _, _ := strings.Cut(good, "operations {")
	err = ask(none)
	require.ErrorIs(t, err, server.ErrNoSocket)
	require.EqualError(t, err, file+": it has no operations block, so the service has no socket to be asked through")

	err = ask("listener {\n\"\n" + strings.Replace(good, "listener {", "", 1))
	require.ErrorIs(t, err, server.ErrNoService, "the socket is found behind an error of syntax")
	require.ErrorContains(t, err, file+":2: ")

	err = ask("listener {")
	require.ErrorContains(t, err, file+":1: ")
	require.ErrorContains(t, err, "\n"+file+" can't be read far enough to find the service's socket, so it was not asked")
}
