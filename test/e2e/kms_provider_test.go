package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	kms "k8s.io/kms/apis/v2"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// A providing is a KMS provider for Kubernetes over the engine. Package test/kubernetes has the API server's side.
type providing struct {
	kms.KeyManagementServiceClient
	t *testing.T
}

// provide starts a provider that checks its key every second.
func (s *stage) provide(t *testing.T, flags ...string) *providing {
	t.Helper()
	dir, err := os.MkdirTemp("", "p-") // The path of a socket must be short.
	require.NoError(t, err)
	socket := filepath.Join(dir, "kms.sock")
	flags = append([]string{"kms-provider", "-listen", "unix://" + socket, "-interval", "1s"}, flags...)
	cmd := exec.Command(shared.service(), flags...)
	address := s.vault.platform.prefix + "ADDR=http://" + s.vault.Address
	cmd.Env = []string{"HOME=" + dir, "GORACE=atexit_sleep_ms=0", address}
	process, err := servers.Start(cmd, filepath.Join(shared.dir, filepath.Base(dir)+".log"))
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, process.Stop())
		require.NoError(t, os.RemoveAll(dir))
	})
	_, err = process.AwaitOutput(regexp.MustCompile("msg=ready"))
	require.NoError(t, err)
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return &providing{kms.NewKeyManagementServiceClient(conn), t}
}

// keyID is the key id of the status, which must be good.
func (p *providing) keyID() string {
	p.t.Helper()
	answer, err := p.Status(p.t.Context(), &kms.StatusRequest{})
	require.NoError(p.t, err)
	require.Equal(p.t, "ok", answer.Healthz)
	return answer.KeyId
}

func (p *providing) seal(seed string) *kms.EncryptResponse {
	p.t.Helper()
	made, err := p.Encrypt(p.t.Context(), &kms.EncryptRequest{Plaintext: []byte(seed), Uid: "seal"})
	require.NoError(p.t, err)
	return made
}

func (p *providing) open(made *kms.EncryptResponse) (string, error) {
	opened, err := p.Decrypt(p.t.Context(), &kms.DecryptRequest{
		Ciphertext: made.Ciphertext, KeyId: made.KeyId, Annotations: made.Annotations, Uid: "open",
	})
	return string(opened.GetPlaintext()), err
}

// newSeed is what the API server encrypts. It must be in no log.
func newSeed() string {
	seed := rand.Text() + rand.Text()[:6]
	shared.secrets.add(seed)
	return seed
}

// tokenFile makes a file with a token that may do what a provider does with the key "k8s", and no more.
func (m *mount) tokenFile(names ...string) string {
	m.t.Helper()
	rules := ""
	for _, name := range names {
		rules += `path "` + m.path + `/keys/` + name + `" { capabilities = ["read"] }
path "` + m.path + `/encrypt/` + name + `" { capabilities = ["update"] }
path "` + m.path + `/decrypt/` + name + `" { capabilities = ["update"] }
`
	}
	require.NoError(m.t, m.client.Sys().PutPolicy(m.path, rules))
	made, err := m.client.Auth().Token().Create(&api.TokenCreateRequest{Policies: []string{m.path}})
	require.NoError(m.t, err)
	shared.secrets.add(made.Auth.ClientToken)
	return m.secretFile(made.Auth.ClientToken)
}

func (m *mount) secretFile(secret string) string {
	m.t.Helper()
	file := filepath.Join(m.t.TempDir(), "secret")
	require.NoError(m.t, os.WriteFile(file, []byte(secret), 0o600))
	return file
}

func TestKubernetesEncryptsThroughTheEngine(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *stage) {
		for _, encryption := range []string{"direct", "envelope"} {
			t.Run(encryption, func(t *testing.T) {
				m := s.mount(t)
				m.write("keys/k8s", map[string]any{"encryption": encryption})
				m.write("keys/other", map[string]any{"encryption": encryption})
				token := m.tokenFile("k8s", "other")
				flags := []string{"-cluster", "prod", "-vault-auth-file", token}
				p := s.provide(t, append(flags, "-vault", m.path+"/k8s")...)
				seed := newSeed()
				first := p.seal(seed)
				require.Regexp(t, `^vault:`+m.path+`/keys/k8s/[0-9a-f-]+/1$`, first.KeyId)
				require.Equal(t, first.KeyId, p.keyID())
				require.Less(t, len(first.Ciphertext), 1024)

				m.write("keys/k8s/rotate", nil)
				second := p.seal(seed)
				require.Regexp(t, `/2$`, second.KeyId)
				require.Equal(t, second.KeyId, p.keyID(), "what Encrypt has answered counts at once")
				m.write("keys/k8s/rotate", nil)
				require.Eventually(t, func() bool { return p.keyID() != second.KeyId }, time.Minute, 50*time.Millisecond)
				third := p.seal(seed)
				require.Equal(t, p.keyID(), third.KeyId)
				for _, made := range []*kms.EncryptResponse{first, second, third} {
					opened, err := p.open(made)
					require.NoError(t, err)
					require.Equal(t, seed, opened)
				}
				s.refusesStrangers(t, m, p, first, flags)
			})
		}
	})
}

// refusesStrangers proves that providers of another cluster, or for another key, do not open what p has encrypted.
func (s *stage) refusesStrangers(t *testing.T, m *mount, p *providing, made *kms.EncryptResponse, flags []string) {
	t.Helper()
	other := s.provide(t, append(flags, "-vault", m.path+"/keys/other")...)
	_, err := other.open(made)
	require.Equal(t, codes.PermissionDenied, status.Code(err))
	both := s.provide(t, append(flags, "-vault", m.path+"/other", "-previous-key", m.path+"/k8s")...)
	_, err = both.open(made)
	require.NoError(t, err)
	foreign := other.seal(newSeed())
	foreign.KeyId = made.KeyId
	_, err = p.open(foreign)
	require.Equal(t, codes.PermissionDenied, status.Code(err), "the engine refuses what another key has encrypted")

	elsewhere := s.provide(t, "-cluster", "test", "-vault-auth-file", flags[3], "-vault", m.path+"/k8s")
	_, err = elsewhere.open(made)
	require.Equal(t, codes.InvalidArgument, status.Code(err))
	made.KeyId = strings.TrimSuffix(made.KeyId, "/1") + "/2"
	_, err = p.open(made)
	require.Equal(t, codes.InvalidArgument, status.Code(err))
}

// TestAProviderLogsInToVault logs in by AppRole and by a JWT, loses its token, and goes on with another.
func TestAProviderLogsInToVault(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		for method, flags := range map[string]func(m *mount, at string) []string{
			"approle": (*mount).appRole, "jwt": (*mount).jwtRole,
		} {
			t.Run(method, func(t *testing.T) {
				m := s.mount(t)
				m.write("keys/k8s", nil)
				m.tokenFile("k8s") // It makes the policy.
				at := m.path + "-login"
				sys := m.client.Sys()
				require.NoError(t, sys.EnableAuthWithOptions(at, &api.EnableAuthOptions{Type: method}))
				t.Cleanup(func() { require.NoError(t, sys.DisableAuth(at)) })
				p := s.provide(t, append(flags(m, at), "-cluster", "prod", "-vault", m.path+"/k8s",
					"-vault-auth", method, "-vault-auth-mount", at)...)
				seed := newSeed()
				made := p.seal(seed)
				require.NoError(t, sys.RevokePrefix("auth/"+at))
				opened, err := p.open(made)
				require.NoError(t, err)
				require.Equal(t, seed, opened)
			})
		}
	})
}

// appRole makes a role, and returns the flags that log in with it.
func (m *mount) appRole(at string) []string {
	m.t.Helper()
	role := "auth/" + at + "/role/provider"
	m.data(m.client.Logical().Write(role, map[string]any{"token_policies": m.path, "token_ttl": "10m"}))
	id := m.data(m.client.Logical().Read(role + "/role-id"))["role_id"].(string)
	secret := m.data(m.client.Logical().Write(role+"/secret-id", nil))["secret_id"].(string)
	shared.secrets.add(secret)
	return []string{"-vault-role", id, "-vault-auth-file", m.secretFile(secret)}
}

// jwtRole is appRole for the service account of a cluster, whose API server signs with a key of the test.
func (m *mount) jwtRole(at string) []string {
	m.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(m.t, err)
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	require.NoError(m.t, err)
	m.data(m.client.Logical().Write("auth/"+at+"/config", map[string]any{
		"jwt_validation_pubkeys": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})),
	}))
	m.data(m.client.Logical().Write("auth/"+at+"/role/provider", map[string]any{
		"role_type": "jwt", "user_claim": "sub", "bound_audiences": "vault", "token_policies": m.path, "token_ttl": "10m",
	}))
	return []string{"-vault-role", "provider", "-vault-auth-file", m.secretFile(signedToken(m.t, key))}
}

// signedToken returns a JWT as Kubernetes gives it to a pod.
func signedToken(t *testing.T, key *ecdsa.PrivateKey) string {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	claims := fmt.Sprintf(`{"sub":"system:serviceaccount:kube-system:kms-provider","aud":"vault","iat":%d,"exp":%d}`,
		time.Now().Unix(), time.Now().Add(time.Hour).Unix())
	signed := encode([]byte(`{"alg":"ES256"}`)) + "." + encode([]byte(claims))
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	require.NoError(t, err)
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	token := signed + "." + encode(signature)
	shared.secrets.add(encode(signature))
	return token
}
