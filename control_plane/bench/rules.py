"""The made-up shop's rules: what an ordinary shop would have, none of it cheap by chance."""

RULES = """\
timezone: Europe/Paris
content:
  hero: {html: "<a href='/new'>New this week</a>"}
  hero-b: {html: "<a href='/new'>Just in</a>"}
  strip:
    items: {from: [{session: 1, visitor: .4}, segment, popular], limit: 12}
    template: product-strip
  strip-b:
    items: {from: [{session: 1, visitor: .2}, segment, popular], limit: 12}
    template: product-strip
slots:
  home.recommended:
    default: strip
    rules:
      - {id: north, when: {country: {$in: [NO, SE, FI]}, device: mobile}, show: hero}
      - {id: eager, when: {session.views: {$gt: 20}, segments: {$in: [s1, s3]}}, show: hero}
      - {id: mail, when: {utm.source: newsletter, $not: {new_visitor: true}}, show: hero}
      - id: rare
        experiment: {key: rare, variations: [hero, hero-b], weights: [0.5, 0.5], coverage: 0.001}
      - id: blend
        experiment: {key: blend, variations: [strip, strip-b], weights: [0.5, 0.5]}
  home.hero:
    default: hero
    rules:
      - {id: snow, when: {country: {$in: [NO, SE, FI]}}, show: hero-b}
      - id: words
        experiment: {key: words, variations: [hero, hero-b], weights: [0.5, 0.5]}
  product.alike: {default: strip}
"""
