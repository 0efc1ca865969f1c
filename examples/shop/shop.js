// Kettle & Co., a shop that sells nothing. It is here to show a chat in a website that behaves like one: pages with addresses
// of their own, a cart that fills custom variables, customers who sign in. What concerns the chat stands in `tellTheChat`.
'use strict';

(() => {
  // What the shop sells: its drawing, and what it is called in English and French.
  const PRODUCTS = [
    { id: 'harbour', kind: 'kettle', drawing: 'stove', color: '#2f6f8f', tint: '#dbe8ec', price: 58, name: ['Harbour kettle', 'Bouilloire Port'], about: ['Enamelled steel for every stove, gas or induction. It whistles, but kindly.', 'Acier émaillé pour tous les feux, gaz ou induction. Elle siffle, mais gentiment.'], facts: [['1.6 litres', '1,6 litre'], ['Boils in five minutes', 'Bout en cinq minutes'], ['Made in Brittany', 'Fabriquée en Bretagne']] },
    { id: 'heron', kind: 'kettle', drawing: 'neck', color: '#4a525b', tint: '#e6e3de', price: 89, name: ['Heron gooseneck', 'Col de cygne Héron'], about: ['A thin, slow stream for those who pour by the second.', 'Un filet fin et lent pour celles et ceux qui versent à la seconde près.'], facts: [['0.9 litres', '0,9 litre'], ['Thermometer in its lid', 'Thermomètre dans le couvercle'], ['Weighs 640 g', 'Pèse 640 g']] },
    { id: 'comet', kind: 'kettle', drawing: 'plug', color: '#c8553d', tint: '#f3ddd3', price: 74, name: ['Comet, electric', 'Comète, électrique'], about: ['Five temperatures, and quiet enough for a sleeping house.', 'Cinq températures, et assez silencieuse pour une maison qui dort.'], facts: [['1.7 litres', '1,7 litre'], ['Keeps warm for an hour', 'Garde au chaud une heure'], ['Its lid opens at a touch', 'Couvercle à ouverture douce']] },
    { id: 'nomad', kind: 'kettle', drawing: 'stove', color: '#6b8f3c', tint: '#e4ead6', price: 39, name: ['Nomad, for the road', 'Nomade, pour la route'], about: ['Light, dented gladly, at home on a fire of sticks.', 'Légère, supporte les chocs, chez elle sur un feu de bois.'], facts: [['0.8 litres', '0,8 litre'], ['Weighs 210 g', 'Pèse 210 g'], ['With a bag', 'Avec son sac']] },
    { id: 'pebble', kind: 'pot', drawing: 'pot', color: '#3f3a45', tint: '#e2dde6', price: 64, name: ['Pebble, cast iron', 'Galet, en fonte'], about: ['Holds its heat through the longest conversation.', 'Garde sa chaleur pendant les plus longues conversations.'], facts: [['0.7 litres', '0,7 litre'], ['With a steel strainer', 'Avec un filtre en acier'], ['For a lifetime', 'Pour la vie']] },
    { id: 'lantern', kind: 'pot', drawing: 'glass', color: '#c9832f', tint: '#f6e8cf', price: 45, name: ['Lantern, glass', 'Lanterne, en verre'], about: ['For teas that are worth looking at.', 'Pour les thés qui méritent d’être regardés.'], facts: [['1 litre', '1 litre'], ['Heatproof glass', 'Verre résistant à la chaleur'], ['Dishwasher safe', 'Va au lave-vaisselle']] },
    { id: 'morning', kind: 'tea', drawing: 'tin', color: '#a8501c', tint: '#f4dfcb', price: 9, name: ['Morning blend', 'Mélange du matin'], about: ['Assam and Ceylon, strong enough for milk and Mondays.', 'Assam et Ceylan, assez corsé pour le lait et les lundis.'], facts: [['100 g, loose', '100 g, en vrac'], ['Four minutes at 95 °C', 'Quatre minutes à 95 °C'], ['From two gardens', 'De deux jardins']] },
    { id: 'fern', kind: 'tea', drawing: 'tin', color: '#4b7a5a', tint: '#dbe9df', price: 12, name: ['Fern green', 'Vert fougère'], about: ['A steamed sencha, bright and a little of the sea.', 'Un sencha vif, avec un souvenir de mer.'], facts: [['80 g, loose', '80 g, en vrac'], ['Two minutes at 75 °C', 'Deux minutes à 75 °C'], ['First harvest', 'Première récolte']] },
  ];

  const WORDS = {
    kettles: ['Kettles', 'Bouilloires'],
    pots: ['Teapots', 'Théières'],
    tea: ['Tea', 'Thés'],
    kettle_text: ['For the stove, the socket and the road. Every part can be ordered again.', 'Pour le feu, la prise et la route. Chaque pièce peut se recommander.'],
    pot_text: ['Iron for long talks, glass for good looks.', 'La fonte pour les longues conversations, le verre pour le plaisir des yeux.'],
    tea_text: ['Two, because we only sell what we drink.', 'Deux, car nous ne vendons que ce que nous buvons.'],
    cart: ['Cart', 'Panier'],
    account: ['Account', 'Compte'],
    help: ['Help', 'Aide'],
    hero: ['Good water, well boiled.', 'De la bonne eau, bien bouillie.'],
    hero_text: ['Kettles and teapots that are made to be repaired, and tea to go with them.', 'Des bouilloires et des théières faites pour être réparées, et du thé pour aller avec.'],
    see_kettles: ['See the kettles', 'Voir les bouilloires'],
    liked: ['What people like', 'Ce qui plaît'],
    promise_1: ['Two days', 'Deux jours'],
    promise_1_text: ['from our bench to your door', 'de notre atelier à votre porte'],
    promise_2: ['Ten years', 'Dix ans'],
    promise_2_text: ['of spare parts for everything', 'de pièces détachées pour tout'],
    promise_3: ['A person', 'Quelqu’un'],
    promise_3_text: ['answers when you ask', 'répond quand vous demandez'],
    stock: ['In stock, leaves tomorrow', 'En stock, part demain'],
    add: ['Add to cart', 'Ajouter au panier'],
    added: ['It is in your cart.', 'C’est dans votre panier.'],
    remove: ['Remove', 'Retirer'],
    empty: ['Your cart is empty.', 'Votre panier est vide.'],
    total: ['Total', 'Total'],
    checkout: ['Checkout', 'Commander'],
    back: ['Back to the shop', 'Retour à la boutique'],
    name: ['Name', 'Nom'],
    street: ['Street', 'Rue'],
    code: ['Postcode', 'Code postal'],
    town: ['Town', 'Ville'],
    order: ['Place the order', 'Passer la commande'],
    nothing: ['It is a demonstration: nothing is ordered and nothing is kept.', 'Ceci est une démonstration : rien n’est commandé, rien n’est conservé.'],
    thanks: ['Thank you!', 'Merci !'],
    thanks_text: ['If this were a shop, your parcel would be on its way. Order', 'Si c’était une boutique, votre colis serait en route. Commande'],
    sign_in: ['Sign in', 'Se connecter'],
    sign_in_text: ['Two customers are known here. Whoever is signed in finds their conversations again on every device: the shop signs who they are.', 'Deux clients sont connus ici. Une fois connecté, on retrouve ses conversations sur tous ses appareils : la boutique signe qui l’on est.'],
    sign_out: ['Sign out', 'Se déconnecter'],
    as: ['as', 'en tant que'],
    hello: ['Hello', 'Bonjour'],
    orders: ['Your orders', 'Vos commandes'],
    on_its_way: ['on its way', 'en route'],
    arrived: ['arrived', 'arrivée'],
    help_text: ['Ask us whatever you like. What you have asked before is beside it.', 'Posez-nous vos questions. Celles d’avant sont à côté.'],
    footer: ['Kettle & Co. is the demonstration of Frontdesk: it sells nothing.', 'Kettle & Co. est la démonstration de Frontdesk : rien n’y est vendu.'],
    missing: ['There is no such page.', 'Cette page n’existe pas.'],
  };

  const stored = (key) => {
    try {
      return localStorage.getItem(`kettle.${key}`);
    } catch {
      return null;
    }
  };
  const store = (key, value) => {
    try {
      localStorage.setItem(`kettle.${key}`, value);
    } catch {
      // Then it lasts as long as the page.
    }
  };

  const language = stored('language') ?? (navigator.language.startsWith('fr') ? 'fr' : 'en');
  document.documentElement.lang = language;
  const which = language === 'fr' ? 1 : 0;
  const t = (key) => WORDS[key][which];
  const of = (pair) => pair[which];
  const money = (amount) => new Intl.NumberFormat(language, { style: 'currency', currency: 'EUR', minimumFractionDigits: 0 }).format(amount);
  const text = (value) => String(value).replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

  /** Quantities by product. */
  const cart = (() => {
    try {
      return Object.fromEntries(Object.entries(JSON.parse(stored('cart') ?? '{}')).filter(([id, count]) => PRODUCTS.some((each) => each.id === id) && count > 0));
    } catch {
      return {};
    }
  })();
  const inCart = () => Object.entries(cart).map(([id, count]) => ({ ...PRODUCTS.find((each) => each.id === id), count }));
  const items = () => inCart().reduce((sum, { count }) => sum + count, 0);
  const amount = () => inCart().reduce((sum, { count, price }) => sum + count * price, 0);
  const put = (id, count) => {
    cart[id] = count;
    if (count < 1) delete cart[id];
    store('cart', JSON.stringify(cart));
    document.querySelector('.count').textContent = items() || '';
    tellTheChat();
  };

  /** What agents see of the visitor, and what triggers can ask for. */
  function tellTheChat() {
    _chatq.push(['_fillCustomVariable', 'custom_cart_amount', amount()]);
    _chatq.push(['_fillCustomVariable', 'custom_cart_items', items()]);
    _chatq.push(['_fillCustomVariable', 'custom_product', location.pathname.split('/product/')[1] ?? '']);
  }

  /** A product as a drawing of 200 by 200. */
  function drawing({ drawing: kind, color }) {
    const dark = `color-mix(in srgb, ${color} 72%, #10151c)`;
    const light = `color-mix(in srgb, ${color} 60%, #fff)`;
    const parts = {
      stove: `<path d="M70 82C62 22 138 22 130 82" fill="none" stroke="${dark}" stroke-width="9" stroke-linecap="round"/>
        <path d="M148 112c18-5 17-22 28-31l9 8c-9 10-9 38-34 45z" fill="${dark}"/>
        <path d="M45 146c-9-40 16-66 55-66s64 26 55 66c-2 10-8 15-17 15H62c-9 0-15-5-17-15z" fill="${color}"/>
        <path d="M56 134c-4-22 6-38 24-44" fill="none" stroke="${light}" stroke-width="6" stroke-linecap="round" opacity=".8"/>
        <ellipse cx="100" cy="81" rx="25" ry="6" fill="${dark}"/><circle cx="100" cy="71" r="6.5" fill="#e9b872"/>`,
      neck: `<path d="M62 142C26 138 46 86 20 66" fill="none" stroke="${dark}" stroke-width="8" stroke-linecap="round"/>
        <path d="M136 88c44-8 42 58 2 54" fill="none" stroke="#b98a5a" stroke-width="9" stroke-linecap="round"/>
        <path d="M70 80h62l14 74c1 6-3 10-9 10H65c-6 0-10-4-9-10z" fill="${color}"/>
        <path d="M79 94l-8 52" stroke="${light}" stroke-width="5" stroke-linecap="round" opacity=".55"/>
        <path d="M74 80c0-9 54-9 54 0z" fill="${dark}"/><circle cx="101" cy="68" r="6" fill="#b98a5a"/>`,
      plug: `<ellipse cx="98" cy="170" rx="52" ry="7" fill="${dark}" opacity=".9"/>
        <path d="M136 66c44 0 40 74 6 84" fill="none" stroke="#3a4148" stroke-width="11" stroke-linecap="round"/>
        <path d="M66 62l-20-10 8 26z" fill="${dark}"/>
        <path d="M64 56h70l12 106H52z" fill="${color}"/>
        <path d="M75 72l-7 78" stroke="${light}" stroke-width="6" stroke-linecap="round" opacity=".7"/>
        <path d="M64 56c6-14 64-14 70 0z" fill="#3a4148"/><rect x="112" y="84" width="8" height="52" rx="4" fill="#fff" opacity=".45"/>`,
      pot: `<path d="M66 88C60 40 140 40 134 88" fill="none" stroke="${dark}" stroke-width="7" stroke-linecap="round"/>
        <path d="M146 124c18-6 18-24 30-32l7 8c-8 10-8 34-32 42z" fill="${dark}"/>
        <ellipse cx="99" cy="126" rx="56" ry="40" fill="${color}"/>
        <g fill="${light}" opacity=".35"><circle cx="70" cy="122" r="3"/><circle cx="84" cy="126" r="3"/><circle cx="98" cy="127" r="3"/><circle cx="112" cy="126" r="3"/><circle cx="126" cy="122" r="3"/><circle cx="77" cy="136" r="3"/><circle cx="91" cy="139" r="3"/><circle cx="105" cy="139" r="3"/><circle cx="119" cy="136" r="3"/></g>
        <ellipse cx="99" cy="90" rx="30" ry="8" fill="${dark}"/><circle cx="99" cy="79" r="6" fill="#e9b872"/><rect x="72" y="162" width="54" height="6" rx="3" fill="${dark}"/>`,
      glass: `<path d="M58 100c-40-6-40 56 4 46" fill="none" stroke="#9fb4bd" stroke-width="8" stroke-linecap="round" opacity=".9"/>
        <path d="M142 120c18-4 16-26 30-34l8 7c-9 10-8 36-33 43z" fill="#b9cbd2" opacity=".85"/>
        <path d="M52 128c0-32 20-48 47-48s47 16 47 48c0 24-18 36-47 36s-47-12-47-36z" fill="#cfdde2" opacity=".75"/>
        <path d="M54 122h90c4 26-16 40-45 40s-49-14-45-40z" fill="${color}" opacity=".9"/>
        <path d="M64 112c3-14 12-22 24-25" fill="none" stroke="#fff" stroke-width="5" stroke-linecap="round" opacity=".85"/>
        <ellipse cx="99" cy="80" rx="25" ry="6" fill="#8fa5ae"/><circle cx="99" cy="71" r="6" fill="#b98a5a"/>`,
      tin: `<rect x="54" y="66" width="92" height="104" rx="10" fill="${color}"/><rect x="50" y="50" width="100" height="24" rx="9" fill="${dark}"/>
        <rect x="68" y="92" width="64" height="56" rx="6" fill="#fbf3e4"/>
        <path d="M100 136c-20-10-14-30 0-36 14 6 20 26 0 36z" fill="${color}" opacity=".85"/><path d="M100 140v-34" stroke="#fbf3e4" stroke-width="2.5"/>
        <path d="M62 82v78" stroke="${light}" stroke-width="5" stroke-linecap="round" opacity=".6"/>`,
    };
    return `<svg viewBox="0 0 200 200" aria-hidden="true"><ellipse cx="100" cy="172" rx="62" ry="6" fill="#000" opacity=".09"/>${parts[kind]}</svg>`;
  }

  const picture = (product) => `<span class="picture" style="background:color-mix(in srgb, ${product.tint} var(--strength), var(--card))">${drawing(product)}</span>`;
  const tile = (product) => `<li><a class="product" href="/shop/product/${product.id}">${picture(product)}<div><b>${of(product.name)}</b><span class="price soft">${money(product.price)}</span></div></a></li>`;
  const grid = (products) => `<ul class="grid">${products.map(tile).join('')}</ul>`;
  const category = (title, kind) => ({ title, body: `<h1>${title}</h1><p class="soft">${t(`${kind}_text`)}</p>${grid(PRODUCTS.filter((each) => each.kind === kind))}` });

  const customer = window.customer;

  function pageOf(path) {
    const product = PRODUCTS.find(({ id }) => path === `product/${id}`);
    if (product) {
      const facts = product.facts.map((fact) => `<li>${of(fact)}</li>`).join('');
      return {
        title: of(product.name),
        body: `<div class="detail">${picture(product)}<div><h1>${of(product.name)}</h1><p class="soft">${of(product.about)}</p>
          <p class="price">${money(product.price)}</p><p class="stock soft">${t('stock')}</p><ul>${facts}</ul>
          <p class="row"><button class="button" data-add="${product.id}">${t('add')}</button></p><p class="soft" role="status"></p></div></div>
          <h2>${t('liked')}</h2>${grid(PRODUCTS.filter(({ id }) => id !== product.id).slice(0, 4))}`,
      };
    }
    switch (path) {
      case '':
        return {
          title: t('hero'),
          body: `<div class="hero"><div><h1>${t('hero')}</h1><p>${t('hero_text')}</p><a class="button" href="/shop/kettles">${t('see_kettles')}</a></div>${drawing(PRODUCTS[0])}</div>
            <div class="promises soft">${[1, 2, 3].map((number) => `<div><b>${t(`promise_${number}`)}</b>${t(`promise_${number}_text`)}</div>`).join('')}</div>
            <h2>${t('liked')}</h2>${grid([PRODUCTS[2], PRODUCTS[5], PRODUCTS[1], PRODUCTS[7]])}`,
        };
      case 'kettles':
        return category(t('kettles'), 'kettle');
      case 'teapots':
        return category(t('pots'), 'pot');
      case 'tea':
        return category(t('tea'), 'tea');
      case 'cart': {
        const lines = inCart().map(
          (each) => `<div class="line">${picture(each)}<a href="/shop/product/${each.id}">${each.count > 1 ? `${each.count} × ` : ''}${of(each.name)}</a>
            <span class="price">${money(each.count * each.price)}</span><button class="link" data-remove="${each.id}">${t('remove')}</button></div>`,
        );
        const full = `<div>${lines.join('')}</div><p class="sum"><span>${t('total')}</span><span class="price">${money(amount())}</span></p>
          <p class="row"><a class="button" href="/shop/checkout">${t('checkout')}</a><a class="button quiet" href="/shop/kettles">${t('back')}</a></p>`;
        const none = `<p>${t('empty')}</p><p><a class="button" href="/shop/kettles">${t('see_kettles')}</a></p>`;
        return { title: t('cart'), body: `<h1>${t('cart')}</h1><div class="panel">${lines.length ? full : none}</div>` };
      }
      case 'checkout':
        return {
          title: t('checkout'),
          body: `<h1>${t('checkout')}</h1><form class="panel" action="/shop/thanks">
            <label>${t('name')}<input autocomplete="name" required value="${customer ? text(`${customer.firstname} ${customer.lastname}`) : ''}"></label>
            <label>${t('street')}<input autocomplete="street-address" required></label>
            <div class="pair"><label>${t('code')}<input autocomplete="postal-code" required></label><label>${t('town')}<input autocomplete="address-level2" required></label></div>
            <p class="sum"><span>${t('total')}</span><span class="price">${money(amount())}</span></p>
            <p class="row"><button class="button">${t('order')}</button><a class="button quiet" href="/shop/cart">${t('cart')}</a></p>
            <p class="soft">${t('nothing')}</p></form>`,
        };
      case 'thanks':
        for (const id of Object.keys(cart)) delete cart[id];
        store('cart', '{}');
        return {
          title: t('thanks'),
          body: `<h1>${t('thanks')}</h1><p>${t('thanks_text')} <b id="order">K-${1000 + (Date.now() % 9000)}</b>.</p><p><a class="button" href="/shop/">${t('back')}</a></p>`,
        };
      case 'account': {
        const enter = (id, name) => `<button class="button" name="customer" value="${id}">${t('sign_in')} ${t('as')} ${name}</button>`;
        const out = `<h1>${t('sign_in')}</h1><form class="panel" method="post" action="/shop/account"><p class="soft">${t('sign_in_text')}</p>
          <p class="row">${enter('vera', 'Vera Visitor')}${enter('marc', 'Marc Martin')}</p></form>`;
        const known = customer && `<h1>${t('hello')} ${text(customer.firstname)}</h1><div class="panel"><h2>${t('orders')}</h2>
          <div class="line">${picture(PRODUCTS[0])}<span>K-1042</span><span class="soft">${t('on_its_way')}</span></div>
          <div class="line">${picture(PRODUCTS[6])}<span>K-0977</span><span class="soft">${t('arrived')}</span></div>
          <form method="post" action="/shop/account"><button class="button quiet" name="customer" value="">${t('sign_out')}</button></form></div>`;
        return { title: t('account'), body: known ?? out };
      }
      case 'help':
        return { title: t('help'), body: `<h1>${t('help')}</h1><p class="soft">${t('help_text')}</p><div id="help"></div>` };
      default:
        return { title: t('missing'), body: `<h1>${t('missing')}</h1><p><a class="button" href="/shop/">${t('back')}</a></p>` };
    }
  }

  const path = location.pathname.replace(/^\/shop\/?/, '').replace(/\/$/, '');
  const page = pageOf(path);
  const link = (to, name) => `<a href="/shop/${to}"${to === path ? ' aria-current="page"' : ''}>${name}</a>`;
  document.title = `${page.title} · Kettle & Co.`;
  document.body.insertAdjacentHTML(
    'afterbegin',
    `<div class="top"><div class="wide"><a class="logo" href="/shop/"><img src="/shop/icon.svg" alt="" width="30" height="30">Kettle &amp; Co.</a>
      <nav aria-label="Shop">${link('kettles', t('kettles'))}${link('teapots', t('pots'))}${link('tea', t('tea'))}${link('help', t('help'))}</nav>
      <div class="tools">${link('account', customer ? text(customer.firstname) : t('account'))}
      <a href="/shop/cart"${path === 'cart' ? ' aria-current="page"' : ''}>${t('cart')}<span class="count">${items() || ''}</span></a>
      <button class="language" lang="${which ? 'en' : 'fr'}">${which ? 'EN' : 'FR'}</button></div></div></div>
    <main class="wide">${page.body}</main>
    <footer><div class="wide"><span>${t('footer')}</span><a href="/docs">API</a></div></footer>`,
  );

  document.addEventListener('click', ({ target }) => {
    const button = target.closest('button');
    if (!button) return;
    if (button.matches('.language')) {
      store('language', which ? 'en' : 'fr');
      location.reload();
    }
    const { add, remove } = button.dataset;
    if (add) {
      put(add, (cart[add] ?? 0) + 1);
      document.querySelector('main [role=status]').textContent = t('added');
    }
    if (remove) {
      put(remove, 0);
      location.reload();
    }
  });

  tellTheChat();
  // Here the chat is a part of the page.
  if (path === 'help') _chatq.push(['_setConfiguration', { embedded: true, parentNodeId: 'help' }]);
})();
