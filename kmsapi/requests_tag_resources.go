package kmsapi

// The types of resources that can have tags, as named in TagResources, UntagResources and ListTagResources.
const (
	ResourceTypeKey      = "key"
	ResourceTypeSecret   = "secret"
	ResourceTypeInstance = "instance"
)

// Limits of the operations that take several resources.
const (
	// MaxResources is how many resources one request may name.
	MaxResources = 50
	// MaxTagRows is how many tags are on a page of ListTagResources.
	MaxTagRows = 200
)

// The rules of parameters that several of these operations have.
var (
	resourceType = Rule{
		Name: "ResourceType", Required: true, OneOf: []string{ResourceTypeKey, ResourceTypeSecret, ResourceTypeInstance},
	}
	resourceIDs = Rule{Name: "ResourceId", Max: MaxResources, Form: "ResourceId.1=…", Named: true}
	flatTags    = Rule{Name: "Tag", Max: MaxTags, Form: "Tag.1.Key=… Tag.1.Value=…"}
)

// required returns the rule of a parameter that must be there.
func (r Rule) required() Rule {
	r.Required = true
	return r
}

// OpTagResources is TagResources.
const OpTagResources Operation = "TagResources"

// TagResourcesRequest adds tags to several resources, and changes the values of existing ones: for all resources, or
// for none.
type TagResourcesRequest struct {
	answers[TagResourcesResponse]
	// ResourceType is [ResourceTypeKey] or [ResourceTypeSecret].
	ResourceType string
	// ResourceIds are 1 to [MaxResources] ids of CMKs, or names of secrets.
	ResourceIds []string
	// Tags are 1 to [MaxTags].
	Tags Tags
}

// Operation returns [OpTagResources].
func (*TagResourcesRequest) Operation() Operation { return OpTagResources }

func (r *TagResourcesRequest) visit(v visitor) {
	v.str(resourceType, &r.ResourceType)
	v.numbered(resourceIDs.required(), (*numberedStrings)(&r.ResourceIds))
	v.numbered(flatTags.required(), (*numberedTags)(&r.Tags))
}

// TagResourcesResponse confirms the request.
type TagResourcesResponse struct{ Reply }

// OpUntagResources is UntagResources.
const OpUntagResources Operation = "UntagResources"

// UntagResourcesRequest removes tags from several resources: from all of them, or from none.
type UntagResourcesRequest struct {
	answers[UntagResourcesResponse]
	// ResourceType is [ResourceTypeKey] or [ResourceTypeSecret].
	ResourceType string
	// ResourceIds are 1 to [MaxResources] ids of CMKs, or names of secrets.
	ResourceIds []string
	// TagKeys are up to [MaxTags].
	TagKeys TagKeys
	// All removes every tag. It is ignored if there are TagKeys.
	All bool
}

// Operation returns [OpUntagResources].
func (*UntagResourcesRequest) Operation() Operation { return OpUntagResources }

func (r *UntagResourcesRequest) visit(v visitor) {
	v.str(resourceType, &r.ResourceType)
	v.numbered(resourceIDs.required(), (*numberedStrings)(&r.ResourceIds))
	v.numbered(Rule{Name: "TagKey", Max: MaxTags, Form: "TagKey.1=…"}, (*numberedTagKeys)(&r.TagKeys))
	v.boolean(Rule{Name: "All"}, &r.All)
}

// UntagResourcesResponse confirms the request.
type UntagResourcesResponse struct{ Reply }

// OpListTagResources is ListTagResources.
const OpListTagResources Operation = "ListTagResources"

// ListTagResourcesRequest asks for one page of the tags of some resources. It has ResourceIds, Tags or both.
type ListTagResourcesRequest struct {
	answers[ListTagResourcesResponse]
	// ResourceType is [ResourceTypeKey] or [ResourceTypeSecret].
	ResourceType string
	// ResourceIds are up to [MaxResources] ids of CMKs, or names of secrets. Without them, the request is about all
	// resources of the type in the account and region.
	ResourceIds []string
	// Tags, up to [MaxTags], limit the answer to these tags, of the resources that have all of them. A tag without a
	// value stands for every value.
	Tags Tags
	// NextToken is the one from the previous page, and empty for the first page.
	NextToken string
}

// Operation returns [OpListTagResources].
func (*ListTagResourcesRequest) Operation() Operation { return OpListTagResources }

func (r *ListTagResourcesRequest) visit(v visitor) {
	v.str(resourceType, &r.ResourceType)
	v.numbered(resourceIDs, (*numberedStrings)(&r.ResourceIds))
	v.numbered(flatTags, (*numberedTags)(&r.Tags))
	v.str(Rule{Name: "NextToken"}, &r.NextToken)
}

// ListTagResourcesResponse is one page of tags.
type ListTagResourcesResponse struct {
	Reply
	// NextToken goes into the request for the next page. It is empty only on the last page, even if other pages have
	// few rows.
	NextToken    string
	TagResources TagResourceList
}

// TagResourceList is the object around a list of tags with their resources on the wire.
type TagResourceList struct{ TagResource []TagResourceEntry }

// TagResourceEntry is one tag of one resource.
type TagResourceEntry struct {
	ResourceId   string
	ResourceType string
	TagKey       string
	TagValue     string
}
