package gate

import (
	"cmp"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/guess"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"
)

// regions finds the region of a request.
type regions struct {
	served map[string]bool
	// byHost has the regions of KMS's own host names.
	byHost map[string]string
	// home is the region of requests that name none.
	home string
	// byInstance has the regions of the KMS instances.
	byInstance map[string]string
}

func newRegions(c config.Config) regions {
	rs := regions{
		served: c.ServedRegions(), byHost: map[string]string{}, home: c.HomeRegion(), byInstance: map[string]string{},
	}
	for _, r := range kmsapi.Regions() {
		for _, host := range []string{r.PublicEndpoint, r.VPCEndpoint} {
			if host != "" { // A region may lack an endpoint in a network, and a request of HTTP/1.0 a host.
				rs.byHost[host] = r.ID
			}
		}
	}
	for _, i := range c.AllInstances() {
		rs.byInstance[i.ID] = i.Region
	}
	return rs
}

// of returns the region that r is for. On a dedicated gateway it is the region of the instance. On the shared gateway
// it is the region of the host if that is one of KMS's own host names, else the RegionId parameter, else the default.
// RPC V1 signs the parameter but not the host, so a host in another region is refused: the signer meant only one of
// them.
func (rs regions) of(r *Request) (string, error) {
	if r.Gateway != "" {
		return rs.byInstance[r.Gateway], nil
	}
	ofHost, named := rs.ofHost(r.Host), r.Params.Get("RegionId")
	if ofHost != "" && named != "" && ofHost != named {
		return "", kmsapi.InvalidParameter("RegionId", "The request was sent to the endpoint of "+ofHost+".")
	}
	region := cmp.Or(ofHost, named, rs.home)
	if !rs.served[region] {
		return "", kmsapi.InvalidParameter("RegionId", "This service does not work in that region; "+rs.suggest(region)+".")
	}
	return region, nil
}

// maxSuggested is how many regions a refusal lists: programs show only the first 256 bytes of a message, or none.
const maxSuggested = 4

// suggest returns a clause about the regions that may have been meant, without a full stop.
func (rs regions) suggest(region string) string {
	served := slices.Sorted(maps.Keys(rs.served))
	if len(served) <= maxSuggested {
		return kmsapi.SuggestRegion(region, served)
	}
	if question := guess.Question(region, served); question != "" {
		return question + " DescribeRegions lists the others"
	}
	return "DescribeRegions lists those in which it does"
}

// ofHost returns the region whose endpoint is host, with or without a port, or "" if there is none.
func (rs regions) ofHost(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(host, ".")) // To DNS these are the same name.
	return rs.byHost[host]
}
