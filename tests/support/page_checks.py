"""Checks of every page in a real browser: expressions that each return the list of failures."""

from chromium import Chromium

# Text or drawings outside the screen, except in tables with their own scroll bar.
OUTSIDE = """
[...document.querySelectorAll('h1,h2,h3,p,dt,dd,li,figcaption,svg text')].filter(e => {
  const box = e.getBoundingClientRect();
  return box.width > 0 && !e.closest('.scroll') && !e.closest('.hover')
    && (box.left < -0.5 || box.right > document.documentElement.clientWidth + 0.5);
}).map(e => e.tagName + ': ' + e.textContent.slice(0, 60))
"""
# Times with fractions of a second, which no reader needs.
NANOSECONDS = "document.body.innerText.match(/T[0-9:]{8}[.][0-9]+Z/g) || []"
# Labels of a chart that overlap.
OVERLAPPING = """
[...document.querySelectorAll('svg.chart')].flatMap(chart => {
  const words = [...chart.querySelectorAll('text')].filter(e => !e.closest('.hover') && e.checkVisibility())
    .map(e => [e.getBoundingClientRect(), e.textContent]).filter(([box]) => box.width);
  return words.flatMap(([one, text], at) => words.slice(at + 1).filter(([other]) =>
    Math.min(one.right, other.right) - Math.max(one.left, other.left) > 1
    && Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top) > 3
  ).map(([, other]) => chart.querySelector('title').textContent + ': ' + text + ' and ' + other));
})
"""
# The contrast of every visible text with its background: WCAG 2, success criterion 1.4.3, for small type.
CONTRAST = """
(() => {
  const parsed = text => {
    const [r, g, b, a = 1] = text.match(/[0-9.]+/g).map(Number);
    return {r, g, b, a};
  };
  const over = (top, under) => Object.fromEntries(
    [...'rgb'].map(one => [one, top[one] * top.a + under[one] * (1 - top.a)]).concat([['a', 1]]));
  const light = colour => [...'rgb'].map(one => colour[one] / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const found = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || e.closest('script,style,title,desc')) continue;
    if (!e.checkVisibility({visibilityProperty: true}) || !e.getBoundingClientRect().width) continue;
    const chain = [];
    for (let one = e; one; one = one.parentElement) chain.unshift(one);
    let ground = {r: 255, g: 255, b: 255, a: 1}, opacity = 1;
    for (const one of chain) {
      const style = getComputedStyle(one);
      opacity *= Number(style.opacity);
      const painted = parsed(style.backgroundColor);
      ground = over({...painted, a: painted.a * opacity}, ground);
    }
    if (opacity === 0) continue;
    const style = getComputedStyle(e);
    const ink = parsed(e instanceof SVGElement ? style.fill : style.color);
    const alpha = ink.a * opacity * (e instanceof SVGElement ? Number(style.fillOpacity) : 1);
    const [one, other] = [light(over({...ink, a: alpha}, ground)), light(ground)].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    if (ratio < 4.5) found.add(ratio.toFixed(2) + ': ' + walker.currentNode.data.trim().slice(0, 40));
  }
  return [...found];
})()
"""
# Attributes that screen readers and keyboards need.
UNREAD = """
(() => {
  const all = query => [...document.querySelectorAll(query)];
  const named = e => (e.getAttribute('aria-label') || '').trim() || ((e.getAttribute('aria-labelledby') || '')
    .split(' ').map(id => document.getElementById(id)?.textContent.trim() || '').join(''));
  const wrong = [];
  const say = (what, elements) => elements.forEach(e => wrong.push(what + ': ' + e.outerHTML.slice(0, 90)));
  if (document.documentElement.lang !== 'en') wrong.push('no language');
  if (!document.title.trim()) wrong.push('no title');
  for (const name of ['main', 'h1', 'footer'])
    if (all(name).length !== 1) wrong.push(all(name).length + ' of ' + name);
  const ids = all('[id]').map(e => e.id);
  ids.filter((id, at) => ids.indexOf(id) !== at).forEach(id => wrong.push('id twice: ' + id));
  say('no name', all('section,svg[role=img],[role=region]').filter(e => !named(e)));
  say('svg without a role', all('svg').filter(
    e => !e.closest('[role=img],[aria-hidden=true]')));
  say('table without a name', all('table').filter(e => !e.caption && !e.closest('[role=region]')));
  say('head without a scope', all('th').filter(e => !e.scope));
  const heads = all('h1,h2,h3').map(e => Number(e.tagName[1]));
  heads.filter((level, at) => at && level > heads[at - 1] + 1)
    .forEach(level => wrong.push('a level left out above h' + level));
  say('scrolls, but not with the keyboard', all('.scroll').filter(
    e => e.scrollWidth > e.clientWidth + 1 && e.tabIndex !== 0));
  say('takes the keyboard without a name or a role', all('[tabindex]').filter(
    e => !named(e) || !e.getAttribute('role')));
  say('button without words', all('button,a,summary').filter(e => !e.textContent.trim()));
  return wrong;
})()
"""
# The element with the keyboard focus, and whether the focus is visible.
FOCUSED = """
(() => {
  const e = document.activeElement, style = getComputedStyle(e);
  return e === document.body ? null : [e.tagName, style.outlineStyle !== 'none' || e.tagName === 'SUMMARY'];
})()
"""


def keyboard_stops(browser: Chromium) -> list[list[object]]:
    """Returns the elements that Tab visits from top to end: (element, whether the focus is visible)."""
    browser.evaluate("document.activeElement.blur()")
    stops: list[list[object]] = []
    wanted = browser.evaluate(
        "[...document.querySelectorAll('[tabindex=\"0\"],button,a[href],summary')]"
        ".filter(e => e.checkVisibility()).length"
    )
    for _ in range(wanted):
        for kind in ("keyDown", "keyUp"):
            browser.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        stops.append(browser.evaluate(FOCUSED))
    return stops
