package kmsapi

import (
	"fmt"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/guess"
)

// A Region is a row of the reference's table of service endpoints (§1.2). Endpoints are host names without a scheme.
type Region struct {
	ID, Name       string
	PublicEndpoint string
	// VPCEndpoint is empty where there is none.
	VPCEndpoint string
}

// Network says from where KMS is called.
type Network string

// The networks.
const (
	// NetworkPublic calls KMS over the Internet. It is the default.
	NetworkPublic Network = "public"
	// NetworkVPC calls KMS from within a VPC.
	NetworkVPC Network = "vpc"
)

// DefaultRegion is the region of a configuration that names none.
const DefaultRegion = "cn-hangzhou"

// Regions returns the reference's table (§1.2), in its order.
func Regions() []Region { return slices.Clone(regions) }

// FindRegion returns the region called id.
func FindRegion(id string) (Region, bool) {
	i := slices.IndexFunc(regions, func(r Region) bool { return r.ID == id })
	if i < 0 {
		return Region{}, false
	}
	return regions[i], true
}

// SuggestRegion returns advice for a caller that gave an id that is not among known: a guess at what was meant, if
// there is one, and the regions to choose from. It is a sentence without its first capital letter and its full stop,
// and does not quote id. If known is empty, the reference's regions are used.
func SuggestRegion(id string, known []string) string {
	if len(known) == 0 {
		known = RegionIDs()
	}
	return guess.Among(id, "regions", known)
}

// RegionIDs returns the ids of the reference's regions (§1.2), sorted.
func RegionIDs() []string {
	ids := make([]string, 0, len(regions))
	for _, r := range regions {
		ids = append(ids, r.ID)
	}
	slices.Sort(ids)
	return ids
}

// Endpoint returns the host that serves KMS for a region, as seen from a network; an empty network is [NetworkPublic].
func Endpoint(region string, network Network) (string, error) {
	r, ok := FindRegion(region)
	if !ok {
		return "", fmt.Errorf("region %.64q is not in the API reference; %s. For another region, give its endpoint",
			region, SuggestRegion(region, nil))
	}
	switch network {
	case NetworkPublic, "":
		return r.PublicEndpoint, nil
	case NetworkVPC:
		if r.VPCEndpoint == "" {
			return "", fmt.Errorf("region %q has no VPC endpoint", region)
		}
		return r.VPCEndpoint, nil
	default:
		return "", fmt.Errorf("network %q is neither %q nor %q", network, NetworkPublic, NetworkVPC)
	}
}

var regions = []Region{
	{"ap-northeast-1", "Japan (Tokyo)", "kms.ap-northeast-1.aliyuncs.com", "kms-vpc.ap-northeast-1.aliyuncs.com"},
	{"ap-southeast-1", "Singapore", "kms.ap-southeast-1.aliyuncs.com", "kms-vpc.ap-southeast-1.aliyuncs.com"},
	{"ap-southeast-2", "Australia (Sydney)", "kms.ap-southeast-2.aliyuncs.com", "kms-vpc.ap-southeast-2.aliyuncs.com"},
	{
		"ap-southeast-3", "Malaysia (Kuala Lumpur)", "kms.ap-southeast-3.aliyuncs.com",
		"kms-vpc.ap-southeast-3.aliyuncs.com",
	},
	{"ap-southeast-5", "Indonesia (Jakarta)", "kms.ap-southeast-5.aliyuncs.com", "kms-vpc.ap-southeast-5.aliyuncs.com"},
	{"ap-southeast-6", "Philippines (Manila)", "kms.ap-southeast-6.aliyuncs.com", "kms-vpc.ap-southeast-6.aliyuncs.com"},
	{"ap-south-1", "India (Mumbai)", "kms.ap-south-1.aliyuncs.com", "kms-vpc.ap-south-1.aliyuncs.com"},
	{"cn-hangzhou", "China (Hangzhou)", "kms.cn-hangzhou.aliyuncs.com", "kms-vpc.cn-hangzhou.aliyuncs.com"},
	{"cn-shanghai", "China (Shanghai)", "kms.cn-shanghai.aliyuncs.com", "kms-vpc.cn-shanghai.aliyuncs.com"},
	{"cn-qingdao", "China (Qingdao)", "kms.cn-qingdao.aliyuncs.com", "kms-vpc.cn-qingdao.aliyuncs.com"},
	{"cn-beijing", "China (Beijing)", "kms.cn-beijing.aliyuncs.com", "kms-vpc.cn-beijing.aliyuncs.com"},
	{"cn-zhangjiakou", "China (Zhangjiakou)", "kms.cn-zhangjiakou.aliyuncs.com", "kms-vpc.cn-zhangjiakou.aliyuncs.com"},
	{"cn-huhehaote", "China (Hohhot)", "kms.cn-huhehaote.aliyuncs.com", "kms-vpc.cn-huhehaote.aliyuncs.com"},
	{"cn-wulanchabu", "China (Ulanqab)", "kms.cn-wulanchabu.aliyuncs.com", "kms-vpc.cn-wulanchabu.aliyuncs.com"},
	{"cn-shenzhen", "China (Shenzhen)", "kms.cn-shenzhen.aliyuncs.com", "kms-vpc.cn-shenzhen.aliyuncs.com"},
	{"cn-heyuan", "China (Heyuan)", "kms.cn-heyuan.aliyuncs.com", "kms-vpc.cn-heyuan.aliyuncs.com"},
	{"cn-guangzhou", "China (Guangzhou)", "kms.cn-guangzhou.aliyuncs.com", "kms-vpc.cn-guangzhou.aliyuncs.com"},
	{"cn-chengdu", "China (Chengdu)", "kms.cn-chengdu.aliyuncs.com", "kms-vpc.cn-chengdu.aliyuncs.com"},
	{"eu-central-1", "Germany (Frankfurt)", "kms.eu-central-1.aliyuncs.com", "kms-vpc.eu-central-1.aliyuncs.com"},
	{"eu-west-1", "UK (London)", "kms.eu-west-1.aliyuncs.com", "kms-vpc.eu-west-1.aliyuncs.com"},
	{"me-east-1", "UAE (Dubai)", "kms.me-east-1.aliyuncs.com", "kms-vpc.me-east-1.aliyuncs.com"},
	{"cn-hongkong", "China (Hong Kong)", "kms.cn-hongkong.aliyuncs.com", "kms-vpc.cn-hongkong.aliyuncs.com"},
	{"us-east-1", "US (Virginia)", "kms.us-east-1.aliyuncs.com", "kms-vpc.us-east-1.aliyuncs.com"},
	{"us-west-1", "US (Silicon Valley)", "kms.us-west-1.aliyuncs.com", "kms-vpc.us-west-1.aliyuncs.com"},
	{"cn-hangzhou-finance", "China East 1 Finance", "kms.cn-hangzhou-finance.aliyuncs.com", ""},
	{
		"cn-shanghai-finance-1", "China East 2 Finance", "kms.cn-shanghai-finance-1.aliyuncs.com",
		"kms-vpc.cn-shanghai-finance-1.aliyuncs.com",
	},
	{
		"cn-shenzhen-finance-1", "China South 1 Finance", "kms.cn-shenzhen-finance-1.aliyuncs.com",
		"kms-vpc.cn-shenzhen-finance-1.aliyuncs.com",
	},
}
