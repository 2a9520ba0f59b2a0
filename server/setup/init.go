package setup

import (
	"cmp"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/pki"
)

// Options are the options of [Init]. Only Dir has no default.
type Options struct {
	Dir string
	// Hosts are the DNS names and IP addresses at which clients reach the service; none means localhost, 127.0.0.1, ::1
	// and the name of this machine. The first is in the endpoint.
	Hosts []string
	// Listen is host:port; "" means port 8443, on loopback if all Hosts are loopback, otherwise on all addresses.
	Listen string
	// Region is the region for requests without one; "" means [kmsapi.DefaultRegion].
	Region string
	// Account is the number of the account; "" means 1000000000000001.
	Account string
	// Data is the folder of the store and the audit log, which must exist when the service starts; "" means Dir.
	Data string
	// Now is the present time. The certificates are valid from an hour earlier.
	Now time.Time
}

// Made is the result of [Init].
type Made struct {
	// Dir is absolute, and so are the paths of the files in it.
	Dir        string `json:"dir"`
	ConfigFile string `json:"config_file,omitempty"`
	EnvFile    string `json:"env_file"`
	CAFile     string `json:"ca_file"`
	SecretFile string `json:"secret_file"`
	// Endpoint is host:port.
	Endpoint    string `json:"endpoint"`
	Region      string `json:"region"`
	AccessKeyID string `json:"access_key_id"`
	// Hosts are the names and addresses in the certificate, and Expires is when it expires.
	Hosts   []string  `json:"hosts,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
}

// The files that Init makes.
const (
	configName  = "server.hcl"
	rootKeyName = "root.key"
	certName    = "tls.pem"
	keyName     = "tls.key"
	caName      = "ca.pem"
	caKeyName   = "ca.key"
	secretName  = "admin.secret"
	envName     = "admin.env"
)

const (
	caLife = 10 // years
	// certificateLife is the longest that every client accepts: Apple's refuse more than 825 days, and a certificate is
	// valid from an hour before now.
	certificateLife = 824 * 24 * time.Hour
)

// Init makes the files of a new service. An error says what is wrong with the options or the folder; after an error,
// nothing is left.
func Init(o Options) (_ Made, err error) {
	s, err := newServer(o)
	if err != nil {
		return Made{}, err
	}
	f, err := makeFolder(s.made.Dir)
	if err != nil {
		return Made{}, err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	return s.made, s.install(f)
}

// install writes everything into f, or nothing.
func (s *service) install(f *folder) error {
	if err := s.write(f); err != nil {
		return errors.Join(err, f.undo())
	}
	return nil
}

// service is a new service, before it is written.
type service struct {
	made  Made
	place place
	// data is absolute, or "" for the folder of the configuration.
	data    string
	account string
	secret  kmsapi.Secret
	root    *crypt.RootKey
	ca      *pki.Authority
	server  pki.Pair
}

// newServer returns a new service on one machine.
func newServer(o Options) (*service, error) {
	s, err := newService(o)
	if err != nil {
		return nil, err
	}
	if err := checkSocketPath(filepath.Join(cmp.Or(s.data, s.made.Dir), storeName+socketEnd)); err != nil {
		return nil, err
	}
	s.server, err = s.ca.Issue(serverTemplate(s.place.hosts, o.Now, s.made.Expires))
	return s, err
}

// newService returns what services on one machine and on several have in common.
func newService(o Options) (*service, error) {
	o.Account = cmp.Or(o.Account, "1000000000000001")
	o.Region = cmp.Or(o.Region, kmsapi.DefaultRegion)
	if err := checkOwner(o); err != nil {
		return nil, err
	}
	s := &service{account: o.Account, secret: newSecret()}
	var err error
	if s.place, err = choosePlace(o.Hosts, o.Listen); err != nil {
		return nil, err
	}
	if err := s.describe(o); err != nil {
		return nil, err
	}
	if s.root, err = crypt.NewRootKey(rand.Reader); err != nil {
		return nil, err
	}
	return s, s.makeCA(o.Now)
}

// checkOwner checks the account and the region.
func checkOwner(o Options) error {
	if strings.Trim(o.Account, "0123456789") != "" {
		return badOption("account", o.Account, errors.New("an account's id is a number"))
	}
	if _, ok := kmsapi.FindRegion(o.Region); !ok {
		return badOption("region", o.Region,
			errors.New("it is not in the API reference; "+kmsapi.SuggestRegion(o.Region, nil)))
	}
	return nil
}

// describe fills in the result as far as it is known before anything is made.
func (s *service) describe(o Options) error {
	dir, err := absolute(o.Dir)
	if err != nil {
		return err
	}
	if o.Data != "" {
		if s.data, err = absolute(o.Data); err != nil {
			return err
		}
	}
	path := func(name string) string { return filepath.Join(dir, name) }
	s.made = Made{
		Dir: dir, ConfigFile: path(configName), EnvFile: path(envName), CAFile: path(caName), SecretFile: path(secretName),
		Endpoint: s.place.endpoint, Region: o.Region, AccessKeyID: "LTAI5t" + rand.Text()[:18], Hosts: s.place.hosts,
		Expires: o.Now.Add(certificateLife).Truncate(time.Second).UTC(),
	}
	return nil
}

// absolute returns the absolute form of path. A path with control characters is an error, since it is shown on
// terminals.
func absolute(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err == nil && strings.ContainsFunc(path, unicode.IsControl) {
		err = fmt.Errorf("%q has a control character", path)
	}
	return path, err
}

// checkSocketPath returns an error if path is too long for a socket.
func checkSocketPath(path string) error {
	if dir := filepath.Dir(path); len(path) > config.MaxSocketPath {
		return fmt.Errorf("the path %s is too long for the socket in it: it may have at most %d bytes",
			dir, config.MaxSocketPath-len(path)+len(dir))
	}
	return nil
}

// newSecret returns 260 random bits as letters and digits, which need no quoting in shells and forms.
func newSecret() kmsapi.Secret { return kmsapi.NewSecret(rand.Text() + rand.Text()) }

// makeCA makes the CA that clients trust. Its name has the date and the host, to tell the CAs of one machine apart.
func (s *service) makeCA(now time.Time) (err error) {
	name := fmt.Sprintf("KMS CA of %s, %s", now.UTC().Format(time.DateOnly), s.place.hosts[0])
	s.ca, err = pki.NewAuthority(pki.CA(commonName(name), now, now.AddDate(caLife, 0, 0)), nil)
	return err
}

func serverTemplate(hosts []string, now, until time.Time) *x509.Certificate {
	return pki.Server(commonName(hosts[0]), hosts, now, until)
}

// commonName cuts a name to the length that X.509 allows. Clients verify the hosts instead.
func commonName(name string) string {
	const longest = 64
	return name[:min(len(name), longest)]
}

// write writes everything, the configuration last.
func (s *service) write(f *folder) error {
	tlsKey, err := pki.EncodeKey(s.server.Key)
	if err != nil {
		return err
	}
	caKey, err := pki.EncodeKey(s.ca.Key)
	if err != nil {
		return err
	}
	root, err := s.root.Encode()
	if err != nil {
		return err
	}
	defer clear(root)
	if err := f.writeAll("", []newFile{
		{rootKeyName, ownersFile, root},
		{caKeyName, ownersFile, caKey},
		{caName, publicFile, pki.EncodeCertificates(s.ca.Certificate)},
		{keyName, ownersFile, tlsKey},
		{certName, publicFile, pki.EncodeCertificates(s.server.Certificate)},
		{secretName, ownersFile, []byte(s.secret.Reveal() + "\n")},
		{envName, ownersFile, []byte(s.env())},
		{configName, publicFile, []byte(s.config())},
	}); err != nil {
		return err
	}
	if _, err := config.Load(s.made.ConfigFile); err != nil {
		return err
	}
	return f.keep()
}
