package e2e

import (
	"cmp"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// appsPage has programs that use the engine.
const appsPage = "docs/apps.md"

// program is a program that a page prints in a block of its language.
type program struct {
	language string
	// number is which of the page's blocks of the language it is.
	number int
	// file is what it is stored as.
	file    string
	command func(t *testing.T, dir string) *exec.Cmd
	prints  string
	// retries is set if the program retries after 429 and 503.
	retries bool
}

const everything = "hello\nrefused: 400\n2 ciphertexts\n1000000 bytes\n"

var programs = map[string]program{
	"Go":                    {"go", 0, "main.go", goRun, everything, true},
	"Node":                  {"js", 0, "app.mjs", node("app.mjs"), everything, true},
	"node-vault":            {"cjs", 0, "app.cjs", node("app.cjs"), "hello\n", false},
	"Python":                {"python", 0, "app.py", python("app.py"), everything, true},
	"Python by its transit": {"python", 1, "transit.py", python("transit.py"), "aGVsbG8=\n", false},
	"Java":                  {"java", 0, "App.java", java("App.java"), "hello\nrefused: 400\n", true},
}

func TestProgramsRunAsPrintedAndRetryWhatMayPass(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		page, err := os.ReadFile(filepath.Join(root, appsPage))
		require.NoError(t, err)
		script, err := shellBlocks(string(page))
		require.NoError(t, err)
		s.mountAsPrinted(t)
		moody := s.moodyVault(t)
		s.runAgainst(t, script, "VAULT_ADDR="+moody.URL) // It makes the key and the policy, too.
		moody.hasBeenRetried(t)

		t.Run("of", func(t *testing.T) {
			for name, p := range programs {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					s.runProgram(t, p, string(page))
				})
			}
		})
	})
}

func (s *stage) runProgram(t *testing.T, p program, page string) {
	moody := s.moodyVault(t)
	address := moody.URL
	if !p.retries {
		address = "http://" + s.vault.Address
	}
	dir := t.TempDir()
	code := blocks(page, p.language)
	require.Greater(t, len(code), p.number)
	require.NoError(t, os.WriteFile(filepath.Join(dir, p.file), []byte(code[p.number]), 0o600))
	cmd := p.command(t, dir)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "HOME="+dir, "VAULT_ADDR="+address, "VAULT_TOKEN="+s.appToken(t)), cmd.Env...)
	var failure strings.Builder
	cmd.Stderr = &failure
	out, err := cmd.Output()
	require.NoError(t, err, failure.String())
	require.Equal(t, p.prints, string(out))
	if p.retries {
		moody.hasBeenRetried(t)
	}
}

// appToken returns a token that may do what the page's policy allows.
func (s *stage) appToken(t *testing.T) string {
	t.Helper()
	made, err := s.vault.Client.Auth().Token().Create(&api.TokenCreateRequest{Policies: []string{"payroll-app"}})
	require.NoError(t, err)
	shared.secrets.add(made.Auth.ClientToken)
	return made.Auth.ClientToken
}

// blocks returns the fenced blocks of a language. One with more on its fence is not a whole program.
func blocks(document, language string) (found []string) {
	pattern := regexp.MustCompile("(?ms)^```" + regexp.QuoteMeta(language) + "\n(.*?)^```$")
	for _, match := range pattern.FindAllStringSubmatch(document, -1) {
		found = append(found, match[1])
	}
	return found
}

// moodyVault is a proxy to Vault that fails the first encrypt with 429 and the first decrypt with 503.
type moodyVault struct {
	*httptest.Server
	mu sync.Mutex
	// left are the failures to come.
	left map[string]int
	// answered are paths and statuses.
	answered []string
}

func (s *stage) moodyVault(t *testing.T) *moodyVault {
	t.Helper()
	m := &moodyVault{left: map[string]int{
		"/v1/alicloudkms/encrypt/payroll": http.StatusTooManyRequests,
		"/v1/alicloudkms/decrypt/payroll": http.StatusServiceUnavailable,
	}}
	forward := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: s.vault.Address})
	forward.ModifyResponse = func(answer *http.Response) error {
		m.note(answer.Request.URL.Path, answer.StatusCode)
		return nil
	}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status := m.mood(r.URL.Path); status != 0 {
			m.note(r.URL.Path, status)
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(status)
			_, _ = fmt.Fprintln(w, `{"errors":["not now"]}`)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(m.Close)
	return m
}

func (m *moodyVault) mood(path string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	status := m.left[path]
	delete(m.left, path)
	return status
}

func (m *moodyVault) note(path string, status int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answered = append(m.answered, fmt.Sprint(path[strings.LastIndex(path, "kms/")+1:], " ", status))
}

// hasBeenRetried requires that failed requests were sent again, and refused ones were not.
func (m *moodyVault) hasBeenRetried(t *testing.T) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	require.Empty(t, m.left, "not tried")
	refused := slices.DeleteFunc(slices.Clone(m.answered), func(a string) bool { return !strings.HasSuffix(a, " 400") })
	assert.Len(t, refused, 1, m.answered)
}

// goRun runs a program in a module of its own, with the modules of this one, so that none is downloaded.
func goRun(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	code, err := os.ReadFile(filepath.Join(dir, "main.go"))
	require.NoError(t, err)
	formatted(t, string(code))
	ownModule(t, dir)
	cmd := exec.Command("go", "run", ".")
	cmd.Env = append(goEnvironment(t), "GOFLAGS=-mod=mod", "GOPROXY=off")
	return cmd
}

// ownModule makes dir a module that requires what this one requires, and this one itself, from where it is.
func ownModule(t *testing.T, dir string) {
	t.Helper()
	ours, err := filepath.Abs(root)
	require.NoError(t, err)
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	own := strings.Replace(string(mod), "module "+module, "module example.com/app", 1) +
		fmt.Sprintf("\nrequire %s v0.0.0\n\nreplace %s => %s\n", module, module, ours)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(own), 0o600))
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.sum"), sum, 0o600))
}

func node(file string) func(*testing.T, string) *exec.Cmd {
	return func(t *testing.T, _ string) *exec.Cmd {
		t.Helper()
		modules, err := filepath.Abs(filepath.Join(root, "test", "node", "node_modules"))
		require.NoError(t, err)
		needs(t, "node", "node", "--version")
		needs(t, "node-vault", "test", "-d", filepath.Join(modules, "node-vault"))
		cmd := exec.Command("node", file)
		cmd.Env = []string{"NODE_PATH=" + modules}
		return cmd
	}
}

func python(file string) func(*testing.T, string) *exec.Cmd {
	return func(t *testing.T, _ string) *exec.Cmd {
		t.Helper()
		// The packages of the system are for the Python of the system, which may not be the first on the PATH.
		for _, interpreter := range []string{"python3", "/usr/bin/python3"} {
			if exec.Command(interpreter, "-c", "import hvac, cryptography").Run() == nil {
				return exec.Command(interpreter, file)
			}
		}
		needs(t, "Python with hvac and cryptography", "false")
		return nil
	}
}

func java(file string) func(*testing.T, string) *exec.Cmd {
	return func(t *testing.T, _ string) *exec.Cmd {
		t.Helper()
		// Debian's package is the default.
		jars := cmp.Or(os.Getenv("ALICLOUDKMS_JARS"), "/usr/share/java")
		needs(t, "java", "java", "--version")
		var path []string
		for _, name := range []string{"databind", "core", "annotations"} {
			path = append(path, filepath.Join(jars, "jackson-"+name+".jar"))
			needs(t, "Jackson", "test", "-e", path[len(path)-1])
		}
		return exec.Command("java", "-cp", strings.Join(path, string(os.PathListSeparator)), file)
	}
}

// needs skips the test if a command fails, or fails it where everything is required.
func needs(t *testing.T, what string, command ...string) {
	t.Helper()
	if exec.Command(command[0], command[1:]...).Run() == nil {
		return
	}
	why := what + " is missing: run scripts/programs.sh, or make test"
	if os.Getenv(requireVault) != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}
