"use strict";

// The keyword of the scheme whose credential Swagger UI sends as it was typed; empty without one.
const KEYWORD = "{{ keyword|escapejs }}";

// Let people type the credential alone, or after its keyword, in either field of "Authorize".
const withKeyword = (request) => {
  const words = (request.headers.Authorization ?? "").split(/\s+/).filter(Boolean);
  if (words.length === 1 && KEYWORD) {
    words.unshift(KEYWORD);
  } else if (words.length === 3) {
    words.shift(); // "Bearer Bearer ...": the first is Swagger UI's, the second was typed
  }
  if (words.length > 0) {
    request.headers.Authorization = words.join(" ");
  }
  return request;
};

const ui = SwaggerUIBundle({
  url: "{{ schema_url|escapejs }}",
  dom_id: "#swagger-ui",
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  requestInterceptor: withKeyword,
});
